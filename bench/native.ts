/** The baselines of bench/native: compiled where there is a compiler. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = (name: string): string =>
  fileURLToPath(new URL(`native/${name}`, import.meta.url));

/** The values of the constants that the C sources take from outside. */
export interface Values {
  readonly EVFILT_USER: number;
  readonly EV_ADD: number;
  readonly NOTE_TRIGGER: number;
}

/** Compilers by the names they go by. */
export const findCompiler = (): string | undefined =>
  [process.env.CC, 'cc', 'gcc', 'clang'].find(
    (name) => name !== undefined && spawnSync(name, ['--version']).status === 0,
  );

function compile(
  compiler: string,
  output: string,
  sources: readonly string[],
  flags: readonly string[],
): string | undefined {
  const args = ['-O2', ...flags, '-o', output, ...sources.map(source)];
  // After the sources, for those linkers that go by the order.
  if (process.platform === 'linux') args.push('-ldl');
  const { status, stderr } = spawnSync(compiler, args, { encoding: 'utf8' });
  if (status === 0) return output;
  console.log(`${sources.join(', ')} did not compile:\n${stderr}`);
  return undefined;
}

const SHARED = ['-shared', '-fPIC'];

const definitions = (values: Values): string[] => [
  `-DUSER_FILTER=${values.EVFILT_USER}`,
  `-DADD=${values.EV_ADD}`,
  `-DTRIGGER=${values.NOTE_TRIGGER}`,
];

/** The same work in C, as a program. */
export const compileProgram = (
  compiler: string,
  folder: string,
  values: Values,
): string | undefined =>
  compile(
    compiler,
    join(folder, 'program'),
    ['program.c', 'epoll.c', 'kevent.c', 'calls.c'],
    ['-pthread', ...definitions(values)],
  );

/** A library that does about the work of a kqueue. */
export const compileStandIn = (
  compiler: string,
  folder: string,
): string | undefined =>
  process.platform === 'linux'
    ? compile(
        compiler,
        join(folder, 'libstand-in.so'),
        ['stand-in.c'],
        [...SHARED, '-pthread'],
      )
    : undefined;

/** Where this Node's own headers are, if it came with them. */
export function findHeaders(): string | undefined {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const folders = [join(prefix, 'include', 'node')];
  return folders.find((folder) => existsSync(join(folder, 'node_api.h')));
}

/** The addon, which calls through Node-API. */
export const compileAddon = (
  compiler: string,
  folder: string,
  headers: string,
  values: Values,
): string | undefined =>
  compile(
    compiler,
    join(folder, 'addon.node'),
    ['addon.c', 'calls.c'],
    [
      ...SHARED,
      `-I${headers}`,
      ...definitions(values),
      ...(process.platform === 'darwin'
        ? ['-undefined', 'dynamic_lookup']
        : []),
    ],
  );
