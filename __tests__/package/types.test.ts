// The declarations of the package, as compilers of any settings read them.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { install, type Project, root } from '../support/built-package.js';
import { compile } from '../support/compile.js';

// Compilers take their time on a busy machine.
jest.setTimeout(120_000);

/** The strictest compiler that knows neither Node's types nor the DOM's. */
const BARE = {
  target: 'es2020',
  lib: ['es2020'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  // TypeScript itself has checked its own.
  skipDefaultLibCheck: true,
  noEmit: true,
};

/** A copy of a program of `fixtures/package/`, and how it is compiled. */
interface Case {
  readonly of: string;
  readonly as: string;
  readonly options: Readonly<Record<string, unknown>>;
}

const node10 = {
  module: 'commonjs',
  moduleResolution: 'node10',
  ignoreDeprecations: '6.0',
};
const nodeTypes = {
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
};

const CASES: Readonly<Record<string, Case>> = {
  'without the types of Node and the DOM, with nodenext': {
    of: 'consumer.ts',
    as: 'esm.mts',
    options: { module: 'nodenext' },
  },
  'without them, with nodenext of CommonJS': {
    of: 'consumer.ts',
    as: 'cjs.cts',
    options: { module: 'nodenext' },
  },
  'without them, with node16': {
    of: 'consumer.ts',
    as: 'node16.cts',
    options: { module: 'node16' },
  },
  'without them, with bundler': {
    of: 'consumer.ts',
    as: 'bundler.ts',
    options: { module: 'esnext', moduleResolution: 'bundler' },
  },
  'without them, with node10': {
    of: 'consumer.ts',
    as: 'node10.ts',
    options: node10,
  },
  'with an AbortSignal and a URL of Node': {
    of: 'signals.ts',
    as: 'node.mts',
    options: { module: 'nodenext', ...nodeTypes },
  },
  'with an AbortSignal and a URL of the DOM': {
    of: 'signals.ts',
    as: 'dom.mts',
    options: { module: 'nodenext', lib: ['es2020', 'dom'] },
  },
};

let project: Project;
let compiled: Promise<string[]>;

beforeAll(async () => {
  project = await install();
  const { folder } = project;
  const programs = Object.values(CASES).map(({ of, as, options }) => {
    project.copy(`package/${of}`, as);
    return { folder, files: [as], options: { ...BARE, ...options } };
  });
  compiled = compile(programs);
});

afterAll(() => project?.dispose());

test.each(Object.keys(CASES))('a program compiles %s', async (name) => {
  const messages = await compiled;
  expect(messages[Object.keys(CASES).indexOf(name)]).toBe('');
});

test('the package contains every declaration that the entry points reach', () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    if (!existsSync(file)) return;
    const text = readFileSync(file, 'utf8');
    for (const [, path] of text.matchAll(
      /(?:from|import\()\s*'(\.[^']+)\.js'/g,
    )) {
      visit(join(dirname(file), `${path}.d.ts`));
    }
  };
  for (const entry of ['index', 'abi']) {
    visit(join(project.installed, 'dist', `${entry}.d.ts`));
  }
  expect([...reached].filter((file) => !existsSync(file))).toEqual([]);
  const rooms = [...reached].map(
    (file) => relative(project.installed, file).split(/[\\/]/)[2],
  );
  expect(rooms).toEqual(expect.arrayContaining(['queue', 'calls', 'abi']));
  for (const room of ['linux', 'ffi']) {
    expect(rooms).not.toContain(room);
    expect(existsSync(join(project.installed, 'dist/types', room))).toBe(false);
  }
});
