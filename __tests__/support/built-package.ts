import { type ExecFileException, execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The package as `npm publish` would pack it, which `build.cjs` keeps fresh. */
export const packed = join(root, '.dist-packed/package.tgz');

/** The output and the exit status of a program. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code, or the name of the signal that ended it. */
  readonly status: number | string;
}

/** Run a program to its end; it is killed after so many seconds. */
export function run(
  file: string,
  args: readonly string[],
  cwd: string = root,
  input = '',
  seconds = 30,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const done = (
      error: ExecFileException | null,
      stdout: string,
      stderr: string,
    ): void => {
      const status = error === null ? 0 : (error.signal ?? error.code ?? -1);
      resolve({ stdout, stderr, status });
    };
    const env = { ...process.env, npm_config_update_notifier: 'false' };
    const child = execFile(
      file,
      args,
      { cwd, env, timeout: seconds * 1000 },
      done,
    );
    // One that has ended reads nothing.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Run a program to its end, which must be a good one. */
export async function mustRun(
  ...args: Parameters<typeof run>
): Promise<Outcome> {
  const outcome = await run(...args);
  if (outcome.status !== 0) {
    throw new Error(
      `${args[0]} ${args[1].join(' ')}: ${outcome.status}\n${outcome.stdout}${outcome.stderr}`,
    );
  }
  return outcome;
}

/** A project in a temporary folder that has the package as a dependency. */
export interface Project {
  readonly folder: string;
  /** Where the package is installed. */
  readonly installed: string;
  /** Copy a file of `__tests__/fixtures/` into the folder; its new path. */
  copy(fixture: string, name?: string): string;
  /** Run a copy of a file of `__tests__/fixtures/`. */
  run(fixture: string, ...args: readonly string[]): Promise<Outcome>;
  /** Remove it. */
  dispose(): void;
}

/**
 * Install the package without the network: its tarball extracted as npm would,
 * its dependencies linked from this repository.
 */
export async function install({
  tarball = packed,
  withDependencies = true,
} = {}): Promise<Project> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kqueue-ffi-')));
  const modules = join(folder, 'node_modules');
  const installed = join(modules, 'kqueue-ffi');
  mkdirSync(installed, { recursive: true });
  const strip = '--strip-components=1';
  await mustRun('tar', ['-xzf', tarball, '-C', installed, strip]);
  if (withDependencies) {
    for (const name of ['koffi', '@koromix']) {
      const target = join(modules, name);
      mkdirSync(dirname(target), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), target, 'junction');
    }
  }
  const copy = (fixture: string, name = basename(fixture)): string => {
    const file = join(folder, name);
    copyFileSync(join(root, '__tests__/fixtures', fixture), file);
    return file;
  };
  return {
    folder,
    installed,
    copy,
    run: (fixture, ...args) =>
      run(process.execPath, [copy(fixture), ...args], folder),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
