// The kernel of each host, chosen without loading anything.
import { chooseKernel, cpuOf, kernel } from '../../src/host/host.js';

const LIBRARY = '/opt/lib/libother.so';

const on = (
  platform: string,
  arch = 'x64',
  env: Record<string, string | undefined> = {},
) => chooseKernel({ platform, arch, env }).choice;

test.each([
  ['darwin', 'darwin'],
  ['freebsd', 'freebsd'],
  ['openbsd', 'openbsd'],
  ['netbsd', 'netbsd'],
  ['dragonfly', 'dragonfly'],
])('on %s the native kqueue is chosen', (platform, name) => {
  const choice = on(platform);
  expect(choice).toMatchObject({ name, abi: name, supported: true });
  expect(choice.libraries.length).toBeGreaterThan(0);
  expect(choice.reason).toBe(`${name} has a native kqueue`);
});

test.each(['x64', 'arm64', 'riscv64', 'loong64'])(
  'on Linux %s the built-in kqueue is chosen, with the table of Darwin',
  (arch) => {
    for (const platform of ['linux', 'android']) {
      const { facts, choice } = chooseKernel({ platform, arch, env: {} });
      expect(facts.name).toBe('darwin');
      expect(choice).toMatchObject({
        name: 'linux',
        abi: 'darwin',
        libraries: [],
        supported: true,
      });
    }
  },
);

test.each(['ia32', 'arm', 's390x', 'ppc64', 'mips'])(
  'Linux on %s is refused at the first call, with a reason',
  (arch) => {
    const choice = on('linux', arch);
    expect(choice).toMatchObject({ name: 'none', supported: false });
    expect(choice.reason).toContain(`Linux on ${arch} is not known`);
  },
);

test.each(['win32', 'aix', 'sunos', 'haiku', 'cygwin'])(
  '%s is refused at the first call, but has the constants of Darwin',
  (platform) => {
    const { facts, choice } = chooseKernel({ platform, arch: 'x64', env: {} });
    expect(facts.name).toBe('darwin');
    expect(choice).toMatchObject({ name: 'none', supported: false });
    expect(choice.reason).toBe(
      `${platform} has no kqueue, and none is emulated there`,
    );
  },
);

describe('KQUEUE_FFI_LIBRARY', () => {
  test.each([
    'darwin',
    'freebsd',
    'openbsd',
    'netbsd',
    'dragonfly',
    'libkqueue',
  ])('with KQUEUE_FFI_ABI=%s is called with that ABI on any host', (abi) => {
    for (const platform of ['linux', 'darwin', 'freebsd', 'win32']) {
      const env = { KQUEUE_FFI_LIBRARY: LIBRARY, KQUEUE_FFI_ABI: abi };
      expect(on(platform, 'x64', env)).toMatchObject({
        name: abi,
        abi,
        libraries: [LIBRARY],
        supported: true,
      });
    }
  });

  test.each([
    undefined,
    '',
    'linux',
    'macos',
    'Darwin',
    'constructor',
    '__proto__',
  ])(
    'with KQUEUE_FFI_ABI=%s is refused, even where there is a kqueue',
    (abi) => {
      const env = { KQUEUE_FFI_LIBRARY: LIBRARY, KQUEUE_FFI_ABI: abi };
      for (const platform of ['linux', 'darwin']) {
        const choice = on(platform, 'x64', env);
        expect(choice).toMatchObject({ name: 'none', supported: false });
        expect(choice.reason).toContain(
          abi === undefined ? 'it is not set' : `it is ${JSON.stringify(abi)}`,
        );
      }
    },
  );

  test('is ignored if it is empty, and so is KQUEUE_FFI_ABI alone', () => {
    expect(on('linux', 'x64', { KQUEUE_FFI_LIBRARY: '' }).name).toBe('linux');
    expect(on('linux', 'x64', { KQUEUE_FFI_ABI: 'freebsd' }).name).toBe(
      'linux',
    );
    expect(on('darwin', 'x64', { KQUEUE_FFI_ABI: 'freebsd' }).name).toBe(
      'darwin',
    );
  });
});

test('each reason can be printed after a colon', () => {
  const env = { KQUEUE_FFI_LIBRARY: LIBRARY };
  for (const choice of [
    on('linux'),
    on('linux', 'mips'),
    on('win32'),
    on('darwin'),
    on('linux', 'x64', env),
    on('linux', 'x64', { ...env, KQUEUE_FFI_ABI: 'netbsd' }),
  ]) {
    expect(choice.reason).toMatch(/^\S.{10,}[^.\s]$/);
  }
});

test('uses 32-bit layouts on 32-bit CPUs only', () => {
  expect(['ia32', 'arm', 'arm64'].map(cpuOf)).toEqual(['ia32', 'arm', 'arm64']);
  expect(['x64', 'riscv64', 'loong64', 's390x'].map(cpuOf)).toEqual(
    Array(4).fill('x64'),
  );
});

test('exports the chosen kernel as a frozen object', () => {
  const { choice } = chooseKernel({
    platform: process.platform,
    arch: process.arch,
    env: process.env,
  });
  expect(kernel).toEqual(choice);
  expect(Object.isFrozen(kernel)).toBe(true);
});
