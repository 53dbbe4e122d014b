// Whether the environment may choose the native code of a process, decided by
// how the process was started, on any host.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { chooseKernel } from '../../src/host/host.js';
import {
  currentStart,
  findDistrust,
  type ProcessStart,
} from '../../src/host/trust.js';
import { gate } from '../conformance/cases.js';
import { root } from '../support/built-package.js';
import { canTakeUser } from '../support/ids.js';

const plain: ProcessStart = {
  ids: [1000, 1000, 100, 100],
  execArgv: [],
  nodeOptions: undefined,
  permission: false,
  auxv: () => undefined,
  word: 8,
};

/** An auxiliary vector as the kernel lays it out on a 64-bit machine. */
const auxv = (...pairs: [number, number][]): Uint8Array =>
  new Uint8Array(new BigUint64Array(pairs.flat().map(BigInt)).buffer);

test('trusts the environment of an ordinary process', () => {
  expect(findDistrust(plain)).toBeUndefined();
  expect(findDistrust({ ...plain, ids: undefined })).toBeUndefined();
  expect(findDistrust(currentStart)).toBeUndefined();
});

test.each([
  ['setuid', [1000, 0, 100, 100]],
  ['setuid', [0, 1000, 100, 100]],
  ['setgid', [1000, 1000, 100, 0]],
] as const)(
  'distrusts the environment of a %s process: ids %j',
  (word, ids) => {
    expect(findDistrust({ ...plain, ids })).toBe(`the process is ${word}`);
  },
);

test.each([
  '--permission',
  '--experimental-permission',
  '--disable-proto=delete',
  '--disable-proto=throw',
  '--frozen-intrinsics',
  '--disallow-code-generation-from-strings',
  '--disallow_code_generation_from_strings',
])('distrusts the environment of a process hardened with %s', (option) => {
  const why = `Node.js was started with ${option}`;
  expect(findDistrust({ ...plain, execArgv: ['--no-warnings', option] })).toBe(
    why,
  );
  const nodeOptions = `--max-old-space-size=99 "${option}"`;
  expect(findDistrust({ ...plain, nodeOptions })).toBe(why);
});

test('ignores options that only look similar', () => {
  const execArgv = ['--permissions', '--disable-prototype', '--frozen', '-p'];
  expect(findDistrust({ ...plain, execArgv })).toBeUndefined();
});

test('distrusts the environment if the permission model is on', () => {
  const why = findDistrust({ ...plain, permission: true });
  expect(why).toBe("Node's permission model is on");
});

test('distrusts the environment of a program with capabilities', () => {
  const why = 'the process has more privileges than its user';
  const start = (
    bytes: Uint8Array | 'forbidden',
    word: 4 | 8 = 8,
  ): ProcessStart => ({
    ...plain,
    word,
    auxv: () => bytes,
  });
  expect(findDistrust(start(auxv([6, 4096], [23, 1], [0, 0])))).toBe(why);
  expect(findDistrust(start(auxv([6, 4096], [23, 0], [0, 0])))).toBeUndefined();
  expect(findDistrust(start(auxv([6, 23], [0, 0])))).toBeUndefined();
  expect(findDistrust(start(new Uint8Array()))).toBeUndefined();
  expect(findDistrust(start(auxv([23, 1]).subarray(0, 15)))).toBeUndefined();
  expect(findDistrust(start('forbidden'))).toBe(why);
  const narrow = new Uint8Array(new Uint32Array([6, 4096, 23, 1, 0, 0]).buffer);
  expect(findDistrust(start(narrow, 4))).toBe(why);
});

test('checks trust only if the environment names a library', () => {
  let reads = 0;
  const host = {
    platform: 'linux',
    arch: 'x64',
    distrust: () => {
      reads += 1;
      return 'the process is setuid';
    },
  };
  expect(chooseKernel({ ...host, env: {} }).choice.name).toBe('linux');
  expect(reads).toBe(0);
  const env = { KQUEUE_FFI_LIBRARY: '/tmp/evil.so', KQUEUE_FFI_ABI: 'darwin' };
  const { choice } = chooseKernel({ ...host, env });
  expect(reads).toBe(1);
  expect(choice).toMatchObject({ name: 'linux', libraries: [] });
  expect(choice.reason).toMatch(
    /; KQUEUE_FFI_LIBRARY is ignored, as the process is setuid$/,
  );
});

describe('a real process', () => {
  const env = {
    ...process.env,
    KQUEUE_FFI_LIBRARY: '/nonexistent/evil.so',
    KQUEUE_FFI_ABI: 'darwin',
  };
  const program = join(root, '__tests__/fixtures/host/trust.cjs');
  const reason = (options: readonly string[], name = 'reason'): string =>
    execFileSync(process.execPath, [...options, program, name], {
      env,
      encoding: 'utf8',
      timeout: 30_000,
    });

  test('loads the library that the environment names', () => {
    expect(reason([])).toContain('KQUEUE_FFI_LIBRARY names a library');
  });

  test('ignores the environment if it was hardened', () => {
    expect(reason(['--frozen-intrinsics', '--no-warnings'])).toContain(
      'KQUEUE_FFI_LIBRARY is ignored, as Node.js was started with --frozen',
    );
  });

  gate(canTakeUser, 'no other user can be taken here')(
    'ignores the environment if its effective user differs from its user',
    () => {
      expect(reason([], 'reasonAsNobody')).toContain(
        'KQUEUE_FFI_LIBRARY is ignored, as the process is setuid',
      );
    },
  );

  test('fails at the first call without --allow-addons, and names the option', () => {
    const [major] = process.versions.node.split('.').map(Number);
    const flag = major < 23 ? '--experimental-permission' : '--permission';
    const output = execFileSync(
      process.execPath,
      [flag, '--allow-fs-read=*', '--no-warnings', program, 'firstCall'],
      { encoding: 'utf8', timeout: 30_000 },
    );
    expect(output).toMatch(/^"ERR_KQUEUE_LOAD .*--allow-addons/);
  });
});
