// Another library in place of the system's: KQUEUE_FFI_LIBRARY and
// KQUEUE_FFI_ABI, what a failed load says, and that it is tried again.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { fixtureOf, kernelNames } from '../fixtures/abi/index.js';
import { entry, literal, printed } from '../support/child.js';
import { canStub, STUB_FD, stubLibrary } from '../support/stub-library.js';

const CALLS = `
const attempt = (call) => {
  try {
    return call();
  } catch (error) {
    const { name, code, errno, syscall, message } = error;
    return { name, code, errno, syscall, message };
  }
};
`;

const MISSING = '/nonexistent/libkqueue.so';

interface Failure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

test('importing the package, and making lists, loads no native code', async () => {
  const script = `
    const list = api.KeventList.of({ ident: 1, filter: api.EVFILT_USER });
    print([list.ident(0), new api.Timespec(1, 2).tv_sec, api.kernel.supported]);
    print(Object.keys(require.cache).filter((file) => /\\.node$|koffi.index/.test(file)));`;
  expect(await printed(script)).toEqual([[1, 1, true], []]);
});

test('a missing library fails the first call, not the import, and says what was tried and what to do', async () => {
  const calls = ['kqueue()', 'kevent(3, null, null, 0)', 'close(1048576)'];
  const script = `${CALLS}
    print(api.kernel);
    for (const call of [${calls.map((call) => `() => api.${call}`)}]) {
      print(attempt(call));
    }`;
  const env = { KQUEUE_FFI_LIBRARY: MISSING, KQUEUE_FFI_ABI: 'freebsd' };
  const [kernel, ...failures] = await printed(script, { env });
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
  expect(failures.length).toBe(calls.length);
});

test('a library that exports no kevent is named with what it lacks', async () => {
  const koffi = createRequire(import.meta.url).resolve('koffi');
  // Whatever this host's build of the FFI is: its native part is a library.
  const script = `${CALLS}
    const loaded = require(${literal(koffi)});
    const library = Object.keys(require.cache).find((file) => file.endsWith('.node'));
    print(library);
    process.env.KQUEUE_FFI_LIBRARY = library;
    process.env.KQUEUE_FFI_ABI = 'darwin';
    for (const file of Object.keys(require.cache)) {
      if (file.startsWith(${literal(dirname(entry))})) delete require.cache[file];
    }
    print(attempt(require(${literal(entry)}).kqueue));`;
  const [library, failure] = await printed(script);
  const { code, message } = failure as Failure;
  expect(code).toBe('ERR_KQUEUE_LOAD');
  expect(message).toContain(`${library} has no symbol kevent`);
});

test.each([
  ['not set', {}, 'it is not set'],
  ['unknown', { KQUEUE_FFI_ABI: 'windows' }, 'it is "windows"'],
])(
  'an ABI that is %s is refused at the first call, by the names there are',
  async (_, abi, said) => {
    const env = { KQUEUE_FFI_LIBRARY: MISSING, ...abi };
    const script = `${CALLS}
      print(api.kernel.supported);
      print(attempt(api.kqueue));
      print(attempt(api.kqueue));
      print(new api.KeventList(1).capacity);`;
    const [supported, first, again, capacity] = await printed(script, { env });
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

test('an empty KQUEUE_FFI_LIBRARY is none', async () => {
  const env = { KQUEUE_FFI_LIBRARY: '', KQUEUE_FFI_ABI: 'freebsd' };
  const [name] = await printed('print(api.kernel.name);', { env });
  const [usual] = await printed('print(api.kernel.name);');
  expect(name).toBe(usual);
});

test('wrong arguments are told before anything is loaded', async () => {
  const env = { KQUEUE_FFI_LIBRARY: MISSING, KQUEUE_FFI_ABI: 'darwin' };
  const script = `${CALLS}
    print(attempt(() => api.kevent(-1, null, null)));
    print(attempt(() => api.close(NaN)));`;
  const failures = (await printed(script, { env })) as Failure[];
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

withLibkqueue('libkqueue answers through its own ABI', async () => {
  const env = {
    KQUEUE_FFI_LIBRARY: `${libkqueue}`,
    KQUEUE_FFI_ABI: 'libkqueue',
  };
  const script = `
    const { EV_ADD, EV_CLEAR, EVFILT_USER, NOTE_TRIGGER } = api;
    print([api.kernel.name, EVFILT_USER]);
    const kq = api.kqueue();
    const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD | EV_CLEAR, udata: 7 };
    api.kevent(kq, [user], null);
    api.kevent(kq, [{ ...user, flags: 0, fflags: NOTE_TRIGGER }], null);
    const events = new api.KeventList(4);
    print(api.kevent(kq, null, events, 1000));
    print([events.ident(0), events.filter(0), events.udata(0)]);
    print(api.kevent(kq, null, events, 0));
    api.close(kq);`;
  expect(await printed(script, { env })).toEqual([
    ['libkqueue', -11],
    1,
    [1, -11, 7],
    0,
  ]);
});

const callable = kernelNames.filter((name) => name !== 'netbsd');
const withStub = gate(canStub, 'no library can be made for this host');

describe('with a library of three functions', () => {
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

  withStub('a load that failed is tried again at the next call', async () => {
    const spare = join(folder, 'spare.so');
    writeFileSync(spare, stubLibrary());
    const script = `${CALLS}
      const list = new api.KeventList(2);
      print(attempt(api.kqueue).code);
      print(attempt(() => api.kevent(0, null, list, 0)).code);
      require('node:fs').copyFileSync(${literal(spare)}, ${literal(library)});
      print([api.kevent(0, null, list, 0), api.kqueue()]);
      // Loaded once: it is not looked for again.
      require('node:fs').unlinkSync(${literal(library)});
      print(api.kqueue());`;
    expect(await printed(script, { env: envFor('openbsd') })).toEqual([
      'ERR_KQUEUE_LOAD',
      'ERR_KQUEUE_LOAD',
      [0, STUB_FD],
      STUB_FD,
    ]);
  });

  for (const abi of callable) {
    withStub(
      `the library is called as ${abi}, with its constants and layout`,
      async () => {
        writeFileSync(library, stubLibrary());
        const script = `
        print([api.kernel.name, api.kernel.abi, api.EVFILT_USER ?? null]);
        const kq = api.kqueue();
        const list = api.KeventList.of({ ident: 1, filter: api.EVFILT_READ });
        print([kq, 'ext' in list.get(0), api.kevent(kq, list, list, 0), list.length]);
        api.close(kq);`;
        const { constants, arches } = fixtureOf(abi);
        expect(await printed(script, { env: envFor(abi) })).toEqual([
          [abi, abi, constants.EVFILT_USER.value],
          [STUB_FD, 'ext' in arches.x64['struct kevent'].fields, 0, 0],
        ]);
      },
    );

    withStub(
      `a file can be watched with the notes that ${abi} has`,
      async () => {
        writeFileSync(library, stubLibrary());
        const script = `
        // All its queues have one number: the one that is tried closes others.
        print(new api.Kqueue().pollable);
        api.watchFile(${literal(library)}).close();
        print(true);`;
        const said = await printed(script, { env: envFor(abi) });
        expect(said).toEqual([false, true]);
      },
    );
  }

  withStub('a library without either entry of NetBSD is refused', async () => {
    writeFileSync(library, stubLibrary());
    const script = `${CALLS}
      print(attempt(() => new api.KeventList(1)));
      print(attempt(api.kqueue));`;
    const env = envFor('netbsd');
    for (const failure of (await printed(script, { env })) as Failure[]) {
      expect(failure.code).toBe('ERR_KQUEUE_LOAD');
      expect(failure.message).toContain(
        `${library} has no symbol __kevent100 or __kevent50`,
      );
    }
  });
});
