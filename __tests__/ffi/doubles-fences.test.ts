// What must be true of a library before the first call goes out, and how its
// errors come back.
import { fstatSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { type KernelName, kernels } from '../../src/abi/kernels.js';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { KqueueError, type Syscall } from '../../src/errors.js';
import { koffi as nativeKoffi } from '../../src/ffi/koffi.js';
import { gate } from '../conformance/cases.js';
import { fixtureOf, kernelNames } from '../fixtures/abi/index.js';
import {
  type Double,
  disposeDoubles,
  double,
  entryOf,
  everyEntry,
  symbolOf,
} from '../support/doubles.js';

jest.mock('../../src/ffi/koffi.js', () => ({ koffi: jest.fn() }));

type Koffi = typeof koffi;

/** The FFI library with other struct layouts. */
function koffiSays(changes: Partial<Koffi>): void {
  jest.mocked(nativeKoffi).mockReturnValue({ ...koffi, ...changes });
}

beforeEach(() => koffiSays({}));
afterEach(disposeDoubles);

/** The error a call ends with. */
function errorOf(call: () => unknown): KqueueError {
  try {
    call();
  } catch (error) {
    if (error instanceof KqueueError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe.each(everyEntry)('$kernel through $symbol', (options) => {
  const { kernel, symbol } = options;

  test('calls each function with the signature of its header', () => {
    const made = double(options);
    made.bind();
    const used = made.lookups.filter((lookup) => lookup.symbol === symbol);
    const { parameters } = entryOf(fixtureOf(kernel), symbol);
    expect(used).toEqual([{ symbol, result: 'int', parameters }]);
    expect(made.lookups).toContainEqual({
      symbol: 'kqueue',
      result: 'int',
      parameters: [],
    });
    expect(made.lookups).toContainEqual({
      symbol: 'close',
      result: 'int',
      parameters: ['int'],
    });
  });

  test('rejects a library without kqueue, and names both in the error', () => {
    const made = double({ ...options, without: ['kqueue'] });
    const error = errorOf(() => made.bind());
    expect(error.code).toBe('ERR_KQUEUE_LOAD');
    expect(error.message).toContain('libdouble.so has no symbol kqueue');
  });

  test('closes queues with the close of this process if the library has none', () => {
    const { close } = double({ ...options, without: ['close'] }).open();
    const fd = openSync('.', 'r');
    close(fd);
    expect(() => fstatSync(fd)).toThrow('EBADF');
  });

  test('reports the errno of the library when close fails', () => {
    const made = double(options);
    // As a call of kevent that failed leaves it.
    made.behaviour.kevent = () => made.fail(made.facts.errno.ENOENT);
    const calls = made.open();
    expect(errorOf(() => calls.kevent(3, null, null, 0)).code).toBe('ENOENT');
    made.behaviour.close = () => made.failElsewhere(made.facts.errno.EIO);
    expect(errorOf(() => calls.close(3)).code).toBe('EIO');
    made.behaviour.close = () => made.fail(made.facts.errno.EINTR);
    expect(errorOf(() => calls.close(3)).code).toBe('EINTR');
  });

  const isHosts = process.arch in fixtureOf(kernel).arches;
  gate(isHosts, `${kernel} has no layout for ${process.arch}`)(
    'refuses a struct that the FFI library lays out differently',
    () => {
      const made = double(options);
      expect(made.cpu).toBe(process.arch);
      koffiSays({ sizeof: () => 24 });
      const bigger = errorOf(() => made.bind());
      expect(bigger.code).toBe('ERR_KQUEUE_LOAD');
      expect(bigger.message).toContain(
        `struct ${made.entry.struct} of ${kernel} is ${made.struct.size} bytes here and 24 to koffi`,
      );
      koffiSays({
        offsetof: (type, member) =>
          koffi.offsetof(type, member) + Number(member === 'udata'),
      });
      const { offset } = made.struct.fields.udata;
      expect(errorOf(() => made.bind()).message).toContain(
        `udata is at ${offset} and ${offset + 1}`,
      );
      expect(made.calls).toEqual([]);
    },
  );
});

const required = everyEntry.filter(({ symbol }) => symbol !== 'kevent64');

test.each(required)(
  'rejects a library without $symbol for $kernel, and names it in the error',
  ({ kernel, symbol }) => {
    const without = ['kevent', '__kevent50', '__kevent100'];
    const made = double({ kernel, symbol, without });
    const error = errorOf(() => made.bind());
    expect(error.code).toBe('ERR_KQUEUE_LOAD');
    expect(error.message).toContain('libdouble.so has no symbol');
    expect(error.message).toContain(symbol);
  },
);

test('provides the other calls on a Darwin without kevent64', () => {
  const kernel = double({ kernel: 'darwin' }).bind();
  const calls = syscallsOf(() => kernel);
  expect(calls.kevent(7, null, null, 0)).toBe(0);
  const error = errorOf(() => calls.kevent64(7, null, null, 0));
  expect(error.code).toBe('ERR_KQUEUE_UNSUPPORTED');
});

test('passes the 32-bit flags of kevent64 before the timeout', () => {
  const made = double({ kernel: 'darwin', symbol: 'kevent64' });
  const kernel = made.bind();
  const calls = syscallsOf(() => kernel);
  for (const flags of [0, 1, 0x80000001, 2 ** 32 - 1]) {
    calls.kevent64(7, null, null, flags, null);
    expect(made.calls.at(-1)).toMatchObject({ flags, timeout: 0 });
  }
  made.behaviour.kevent = () => made.fail(9);
  expect(errorOf(() => calls.kevent64(7, null, null, 0))).toMatchObject({
    syscall: 'kevent64',
    code: 'EBADF',
  });
});

test('calls NetBSD 11 and 10 through their own symbols, never through plain kevent', () => {
  for (const symbol of ['__kevent50', '__kevent100']) {
    const made = double({ kernel: 'netbsd', symbol });
    made.open().kevent(7, null, null, 0);
    expect(made.calls.length).toBe(1);
    expect(made.lookups.map((lookup) => lookup.symbol)).not.toContain('kevent');
  }
});

/** The calls that every kernel has. */
type Call = Exclude<Syscall, 'kevent64'>;

/** Where each of them finds an error. */
const FAILING: Record<Call, (made: Double) => void> = {
  kqueue: (made) => made.open().kqueue(),
  kevent: (made) => {
    const calls = made.open();
    calls.kevent(7, null, calls.list(1), 0);
  },
  close: (made) => made.open().close(7),
};

describe.each(kernelNames)('errors of %s', (kernel) => {
  const names = Object.entries(fixtureOf(kernel).errno);
  const syscalls = Object.entries(FAILING) as [Call, (made: Double) => void][];

  function failing(
    kernelName: KernelName,
    errno: number,
    without: readonly string[] = [],
  ): Double {
    const made = double({ kernel: kernelName, without });
    const fail = () => made.fail(errno);
    made.behaviour = { kqueue: fail, kevent: fail, close: fail };
    return made;
  }

  test.each(syscalls)('%s throws each errno by name', (syscall, call) => {
    const made = failing(kernel, 0);
    for (const [name, errno] of names) {
      const fail = () => made.fail(errno);
      made.behaviour = { kqueue: fail, kevent: fail, close: fail };
      const error = errorOf(() => call(made));
      const same = names.filter(([, value]) => value === errno);
      expect(same.map(([alias]) => alias)).toContain(error.code);
      expect(error).toMatchObject({
        name: 'KqueueError',
        errno: -errno,
        syscall,
        message: `${syscall} ${error.code}`,
      });
      if (same.length === 1) expect(error.code).toBe(name);
    }
  });

  test('finds the errno if the library keeps none of its own', () => {
    const symbol = symbolOf(fixtureOf(kernel), 'errno');
    for (const call of Object.values(FAILING)) {
      const made = failing(kernel, 22, [symbol]);
      expect(errorOf(() => call(made)).code).toBe('EINVAL');
    }
  });

  test('reports an unknown errno as a number', () => {
    const made = failing(kernel, 4095);
    expect(errorOf(() => FAILING.kevent(made))).toMatchObject({
      code: 'E4095',
      errno: -4095,
    });
  });
});

test('names the same errno differently on another kernel', () => {
  const codeOf = (kernel: KernelName, errno: number): string => {
    const made = double({ kernel });
    made.behaviour.kqueue = () => made.fail(errno);
    return errorOf(() => made.open().kqueue()).code;
  };
  expect(codeOf('darwin', 35)).toBe('EAGAIN');
  expect(codeOf('libkqueue', 35)).toBe('EDEADLK');
  expect(codeOf('libkqueue', 11)).toBe('EAGAIN');
  expect(codeOf('openbsd', 91)).toBe('ENOTSUP');
  expect(codeOf('netbsd', 86)).toBe('ENOTSUP');
});

test('uses one table per kernel for every library', () => {
  for (const kernel of kernelNames) {
    expect(double({ kernel }).bind().facts).toBe(kernels[kernel]);
  }
});
