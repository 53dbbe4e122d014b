// KQUEUE_FFI_LIBRARY and KQUEUE_FFI_ABI load another library; a failed load has
// a clear message and is retried.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadError, reasonOf } from '../../src/ffi/library.js';
import { gate } from '../conformance/cases.js';
import { fixtureOf, kernelNames } from '../fixtures/abi/index.js';
import { printedBy, printedByLine } from '../support/child.js';
import { canStub, STUB_FD, stubLibrary } from '../support/stub-library.js';

const MISSING = '/nonexistent/libkqueue.so';

interface Failure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

test('loads no native code on import or when lists are created', async () => {
  expect(await printedBy('ffi/load', 'lazy')).toEqual([[1, 1, true], []]);
});

test('throws at the first call, not the import, if the library is missing', async () => {
  const env = { KQUEUE_FFI_LIBRARY: MISSING, KQUEUE_FFI_ABI: 'freebsd' };
  const [kernel, ...failures] = await printedBy('ffi/load', 'missingLibrary', {
    env,
  });
  expect(kernel).toMatchObject({
    name: 'freebsd',
    abi: 'freebsd',
    libraries: [MISSING],
    supported: true,
  });
  for (const failure of failures as Failure[]) {
    expect(failure.name).toBe('KqueueError');
    expect(failure.code).toBe('ERR_KQUEUE_LOAD');
    expect(failure.message).toContain(MISSING);
    expect(failure.message).toMatch(/KQUEUE_FFI_LIBRARY.*the next call/);
  }
  expect(failures).toHaveLength(3);
});

test('names the library that exports no kevent, and the missing symbol', async () => {
  const [library, failure] = await printedBy('ffi/load', 'noKevent');
  const { code, message } = failure as Failure;
  expect(code).toBe('ERR_KQUEUE_LOAD');
  expect(message).toContain(`${library} has no symbol kevent`);
});

test.each([
  ['not set', {}, 'it is not set'],
  ['unknown', { KQUEUE_FFI_ABI: 'windows' }, 'it is "windows"'],
])(
  'rejects an ABI that is %s at the first call, and lists the known ones',
  async (_, abi, said) => {
    const env = { KQUEUE_FFI_LIBRARY: MISSING, ...abi };
    const [supported, first, again, capacity] = await printedBy(
      'ffi/load',
      'unknownAbi',
      { env },
    );
    expect([supported, capacity]).toEqual([false, 1]);
    expect(again).toEqual(first);
    const { code, message } = first as Failure;
    expect(code).toBe('ERR_KQUEUE_UNSUPPORTED');
    expect(message).toContain(
      'KQUEUE_FFI_ABI must be one of darwin, freebsd, openbsd, netbsd, dragonfly, libkqueue',
    );
    expect(message).toContain(said);
  },
);

test('ignores an empty KQUEUE_FFI_LIBRARY', async () => {
  const env = { KQUEUE_FFI_LIBRARY: '', KQUEUE_FFI_ABI: 'freebsd' };
  const [name] = await printedByLine('print(api.kernel.name);', { env });
  const [usual] = await printedByLine('print(api.kernel.name);');
  expect(name).toBe(usual);
});

test('validates arguments before it loads the library', async () => {
  const env = { KQUEUE_FFI_LIBRARY: MISSING, KQUEUE_FFI_ABI: 'darwin' };
  const failures = (await printedBy('ffi/load', 'wrongArguments', {
    env,
  })) as Failure[];
  expect(failures.map(({ name }) => name)).toEqual([
    'RangeError',
    'RangeError',
  ]);
});

/** Where distributions install libkqueue. */
const libkqueue = ['/usr/lib', '/usr/lib64', '/usr/local/lib']
  .flatMap((folder) => [
    folder,
    ...['x86_64', 'aarch64'].map((cpu) => join(folder, `${cpu}-linux-gnu`)),
  ])
  .map((folder) => join(folder, 'libkqueue.so.0'))
  .find(existsSync);

const withLibkqueue = gate(
  process.platform === 'linux' && libkqueue !== undefined,
  'libkqueue is not installed',
);

withLibkqueue('calls libkqueue through its own ABI', async () => {
  const env = {
    KQUEUE_FFI_LIBRARY: `${libkqueue}`,
    KQUEUE_FFI_ABI: 'libkqueue',
  };
  expect(await printedBy('ffi/load', 'libkqueue', { env })).toEqual([
    ['libkqueue', -11],
    1,
    [1, -11, 7],
    0,
  ]);
});

const callable = kernelNames.filter((name) => name !== 'netbsd');
const withStub = gate(canStub, 'no library can be made for this host');

describe('with a library of three symbols', () => {
  let folder: string;
  let library: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
    library = join(folder, 'libstub.so');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const envFor = (abi: string) => ({
    KQUEUE_FFI_LIBRARY: library,
    KQUEUE_FFI_ABI: abi,
  });

  withStub('retries a failed load at the next call', async () => {
    const spare = join(folder, 'spare.so');
    writeFileSync(spare, stubLibrary());
    expect(
      await printedBy('ffi/load', 'loadedLater', {
        args: [spare, library],
        env: envFor('openbsd'),
      }),
    ).toEqual(['ERR_KQUEUE_LOAD', 'ERR_KQUEUE_LOAD', [0, STUB_FD], STUB_FD]);
  });

  for (const abi of callable) {
    withStub(
      `calls the library as ${abi}, with its constants and layout`,
      async () => {
        writeFileSync(library, stubLibrary());
        const { constants, arches } = fixtureOf(abi);
        expect(
          await printedBy('ffi/load', 'eachAbi', { env: envFor(abi) }),
        ).toEqual([
          [abi, abi, constants.EVFILT_USER.value],
          [STUB_FD, 'ext' in arches.x64['struct kevent'].fields, 0, 0],
        ]);
      },
    );

    withStub(`watches a file with the notes of ${abi}`, async () => {
      writeFileSync(library, stubLibrary());
      const said = await printedBy('ffi/load', 'watchedFile', {
        args: [library],
        env: envFor(abi),
      });
      expect(said).toEqual([false, true]);
    });
  }

  withStub('rejects a library without a kevent symbol of NetBSD', async () => {
    writeFileSync(library, stubLibrary());
    const env = envFor('netbsd');
    for (const failure of (await printedBy('ffi/load', 'netbsdWithoutEntry', {
      env,
    })) as Failure[]) {
      expect(failure.code).toBe('ERR_KQUEUE_LOAD');
      expect(failure.message).toContain(
        `${library} has no symbol __kevent100 or __kevent50`,
      );
    }
  });
});

test.each([
  [
    'Cannot find the native Koffi module; did you bundle it correctly?',
    /^Cannot load kqueue: Cannot find the native Koffi module; did you bundle it correctly\. koffi, .* npm install --include=optional,/,
  ],
  [
    "Cannot find module 'koffi'\nRequire stack:\n- /app/dist/ffi.cjs",
    /^Cannot load kqueue: Cannot find module 'koffi'\. koffi, .* npm install --include=optional,/,
  ],
  [
    'libc.so.6: cannot open shared object file!',
    /^Cannot load kqueue: libc\.so\.6: cannot open shared object file\. Check that/,
  ],
])('explains a failed load once, with what to do: %#', (message, said) => {
  const error = new Error(message);
  const failure = loadError(reasonOf(error), error);
  expect(failure.message).toMatch(said);
  expect(failure.message).not.toMatch(/[.?!]{2}|\n/);
  expect(failure.message).toMatch(/the next call tries again\.$/);
  expect(failure.cause).toBe(error);
});
