// Every block of the documentation is what it says, and every example of a
// docstring: programs compile and run as they are printed, with the package as npm
// installs it; commands exist.
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  install,
  type Outcome,
  type Project,
  root,
  run,
} from '../support/built-package.js';
import { compile } from '../support/compile.js';
import { type Block, blocks, docstringBlocks } from '../support/doc-blocks.js';
import { filesInTurn } from '../support/in-turn.js';

const { scripts } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as { scripts: Record<string, string> };

const programs = [...blocks, ...docstringBlocks].filter(({ language }) =>
  /^(ts|js)$/.test(language),
);

/** The file name of a program: `block-7.mts`, or `.cjs` if it uses require. */
const nameOf = (block: Block): string => {
  const extension =
    block.language === 'ts'
      ? 'mts'
      : /\brequire\(/.test(block.code)
        ? 'cjs'
        : 'mjs';
  return `block-${programs.indexOf(block)}.${extension}`;
};

/** Whether a program reads standard input, which only one of a process can. */
const readsInput = ({ code }: Block): boolean =>
  /\bfd: 0\b|\breadable\(0\)/.test(code);

let project: Project;
/** What the compiler says, which also writes the programs for Node.js. */
let compiled: Promise<string>;
const outcomes = new Map<Block, Promise<Outcome>>();

async function compileAll(): Promise<string> {
  const { folder } = project;
  for (const block of programs) {
    writeFileSync(join(folder, nameOf(block)), block.code);
  }
  const files = programs.map(nameOf).filter((name) => name.endsWith('.mts'));
  const options = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
  };
  const [messages] = await compile([{ folder, files, options }]);
  return messages;
}

/** Run all programs: most in two processes, one after the other. */
function runAll(): void {
  const { folder } = project;
  const waiting = programs.filter(({ notRun }) => notRun === undefined);
  const readers = waiting.filter(readsInput);
  const others = waiting.filter((block) => !readsInput(block));
  const half = Math.ceil(others.length / 2);
  const groups = [others.slice(0, half), others.slice(half)];
  for (const group of [...groups, ...readers.map((block) => [block])]) {
    const files = group.map((block) =>
      join(folder, nameOf(block).replace(/\.mts$/, '.mjs')),
    );
    // Standard input has a line, for programs that read it.
    const start = () => filesInTurn(files, folder, 'hello\n');
    const ran = compiled.then(start, start);
    for (const [i, block] of group.entries()) {
      outcomes.set(
        block,
        ran.then((ended) => ended[i]),
      );
    }
  }
}

beforeAll(async () => {
  project = await install();
  for (const name of ['@types', 'undici-types']) {
    const target = join(project.folder, 'node_modules', name);
    symlinkSync(join(root, 'node_modules', name), target, 'junction');
  }
  compiled = compileAll();
  runAll();
}, 120_000);

afterAll(async () => {
  await Promise.all(outcomes.values());
  project?.dispose();
}, 120_000);

test('the documentation has programs, and each block names its language', () => {
  expect(programs.length).toBeGreaterThan(10);
  const known = 'ts js sh console json text c python yaml mermaid'.split(' ');
  const others = blocks.filter(({ language }) => !known.includes(language));
  expect(others.map(({ at, language }) => [at, language])).toEqual([]);
});

test('every program compiles', async () => {
  const places = (await compiled).replace(
    /^block-(\d+)\.mts/gm,
    (_, index) => programs[Number(index)].at,
  );
  expect(places).toBe('');
}, 120_000);

describe('a program runs as printed', () => {
  test.each(
    programs
      .filter(({ notRun }) => notRun === undefined)
      .map((block) => [block.at, block] as const),
  )(
    '%s',
    async (_, block) => {
      const outcome = await outcomes.get(block);
      expect(outcome).toMatchObject({ status: 0, stderr: '' });
    },
    120_000,
  );
});

/**
 * Output that some program of a page prints. Numbers of ticks depend on how busy
 * the machine is.
 */
const printed: Readonly<Record<string, readonly RegExp[]>> = {
  'docs/helpers.md': [
    /^(\d+\n)*$/,
    /^undefined\n\d+\n$/,
    /^3 null\n$/,
    /^the wait has ended\n$/,
    /^created\nchanged\nreplaced\ndeleted\n$/,
    /^added letter file\n$/,
    /^SIGHUP 1\n$/,
    /^true\nhello\n\n$/,
  ],
};

test.each(Object.entries(printed))(
  'the programs of %s print the documented output',
  async (page, expected) => {
    const here = programs.filter(({ at }) => at.startsWith(`${page}:`));
    const outputs = await Promise.all(
      here.map(async (block) => (await outcomes.get(block))?.stdout),
    );
    expect(outputs).toEqual(
      expect.arrayContaining(
        expected.map((text) => expect.stringMatching(text)),
      ),
    );
  },
  120_000,
);

test('every example of a docstring prints something', async () => {
  const examples = docstringBlocks.filter(({ notRun }) => notRun === undefined);
  expect(examples.length).toBeGreaterThan(4);
  for (const block of examples) {
    expect((await outcomes.get(block))?.stdout).not.toBe('');
  }
}, 120_000);

test('a block that is not run has a reason', () => {
  for (const { at, notRun } of blocks) {
    if (notRun === undefined) continue;
    expect([at, notRun.split(' ').length > 2]).toEqual([at, true]);
  }
});

/** The commands of a shell block: comments, outputs and joints left out. */
const commandsOf = ({ code, language }: Block): string[][] =>
  code
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => language === 'sh' || line.startsWith('$ '))
    .map((line) => line.replace(/^\$ /, ''))
    .flatMap((line) =>
      line
        .replace(/(^|\s)#.*$/, '')
        .replace(/'[^']*'|"[^"]*"/g, 'text')
        .split(/&&|\|\|?|;/),
    )
    .map((command) => command.trim().split(/\s+/))
    .map((words) => words.slice(words.findIndex((word) => !word.includes('='))))
    .filter(([word]) => word !== undefined && word !== '');

describe('commands', () => {
  const commands = blocks
    .filter(({ language }) => language === 'sh' || language === 'console')
    .flatMap((block) =>
      commandsOf(block).map((words) => ({ at: block.at, words })),
    );
  const of = (name: string) =>
    commands
      .map(({ at, words }) => ({
        at,
        words: words[0] === 'npx' ? words.slice(1) : words,
      }))
      .filter(({ words }) => words[0] === name);

  test('of npm name existing scripts', () => {
    const own = 'ci install i pack audit install-scripts'.split(' ');
    const missing = of('npm').filter(({ words: [, verb, name] }) => {
      if (own.includes(verb)) return false;
      const script = verb === 'run' ? name : verb;
      return !Object.hasOwn(scripts, script ?? '');
    });
    expect(missing).toEqual([]);
  });

  test('of kq, and their options, are in its help', async () => {
    const cli = join(root, 'dist/cli.js');
    const helps = new Map<string, string>();
    const wrong: unknown[] = [];
    for (const { at, words } of of('kq')) {
      const [, verb, ...rest] = words;
      if (verb === undefined || verb.startsWith('-')) continue;
      if (!helps.has(verb)) {
        const help = await run(process.execPath, [cli, verb, '--help']);
        helps.set(verb, help.status === 0 ? help.stdout : '');
      }
      const help = helps.get(verb) ?? '';
      const options = rest.filter((word) => /^--?[a-z]/.test(word));
      if (help === '' || !options.every((option) => help.includes(option))) {
        wrong.push([at, words.join(' ')]);
      }
    }
    expect(wrong).toEqual([]);
  }, 60_000);
});

test('every JSON block parses', () => {
  for (const { at, language, code } of blocks) {
    if (language !== 'json') continue;
    expect([at, () => JSON.parse(code)]).toEqual([at, expect.any(Function)]);
    JSON.parse(code);
  }
});
