// The output of the one table of options: help, manual page, completions.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands } from '../../src/cli/commands.js';
import { completionScripts } from '../../src/cli/completion-scripts.js';
import { helpOf } from '../../src/cli/help.js';
import { manual } from '../../src/cli/manual.js';
import { suggest } from '../../src/cli/suggestion.js';
import { gate } from '../conformance/cases.js';
import { root } from '../support/built-package.js';

const folder = mkdtempSync(join(tmpdir(), 'kq-'));
afterAll(() => rmSync(folder, { recursive: true }));

const page = readFileSync(join(root, 'man/kq.1'), 'utf8');
const guide = readFileSync(join(root, 'docs/cli.md'), 'utf8');

test('the manual page matches the options (if not, run npm run manual)', () => {
  expect(page).toBe(manual(commands));
});

gate(existsSync('/usr/bin/groff'), 'no groff')(
  'the manual page renders without a warning',
  () => {
    const args = ['-c', 'groff -man -Tutf8 -ww man/kq.1 2>&1 >/dev/null'];
    expect(execFileSync('sh', args, { cwd: root, encoding: 'utf8' })).toBe('');
  },
);

test('help, manual, guide and completions list every command and option', () => {
  const scripts = Object.values(completionScripts).map((make) =>
    make(commands),
  );
  for (const command of commands) {
    const { name, options } = command;
    for (const text of [page, guide, ...scripts]) expect(text).toContain(name);
    for (const option of Object.keys(options)) {
      expect(helpOf(command)).toContain(`--${option}`);
      expect(guide).toContain(`--${option}`);
      expect(page.replaceAll('\\', '')).toContain(`--${option}`);
      for (const script of scripts) {
        expect(script).toMatch(new RegExp(`(--|-l )${option}\\b`));
      }
    }
  }
});

/** What bash completes, with the last word empty or begun. */
const complete = (...words: string[]): string[] => {
  const script = `${completionScripts.bash(commands)}
    COMP_WORDS=(kq "$@"); COMP_CWORD=$#; _kq; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--norc', '-c', script, 'bash', ...words];
  const output = execFileSync('bash', args, { cwd: root, encoding: 'utf8' });
  return output.split('\n').filter((line) => line !== '');
};

test('bash completes commands, options, values and operands', () => {
  expect(complete('do')).toEqual(['doctor']);
  expect(complete('watch', '--re')).toEqual(['--restart']);
  expect(complete('constants', '--kernel', 'd')).toEqual(
    expect.arrayContaining(['darwin', 'dragonfly']),
  );
  expect(complete('watch', 'README')).toEqual(['README.md']);
  expect(complete('pid', `${process.pid}`)).toContain(`${process.pid}`);
  expect(complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
});

test.each([
  ['zsh', '-n'],
  ['fish', '--no-execute'],
])('%s parses its completions, where it is installed', (shell, flag) => {
  const script = completionScripts[shell](commands);
  expect(script).toContain('kq');
  if (!['/usr/bin', '/bin'].some((at) => existsSync(join(at, shell)))) return;
  const file = join(folder, shell);
  writeFileSync(file, script);
  execFileSync(shell, [flag, file]);
});

test.each([
  ['wacth', 'watch'],
  ['pids', 'pid'],
  ['constant', 'constants'],
  ['DOCTOR', 'doctor'],
])('%s suggests %s', (given, meant) => {
  const known = commands.map(({ name }) => name);
  expect(suggest(given, known)).toBe(`, did you mean '${meant}'?`);
});

test.each([['bogus'], [''], ['x'], ['zz']])('%j suggests nothing', (given) => {
  const known = commands.map(({ name }) => name);
  expect(suggest(given, known)).toBe('');
});
