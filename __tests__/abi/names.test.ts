import fc from 'fast-check';
import {
  type Constants,
  darwin,
  dragonfly,
  errnoName,
  fflagNames,
  filterName,
  flagNames,
  freebsd,
  type KernelFacts,
  kernels,
  libkqueue,
  netbsd,
  openbsd,
  signalName,
} from '../../src/abi.js';
import { groupsOf, kernelNames } from '../fixtures/abi/index.js';

const anyKernel = fc.constantFrom<KernelFacts>(...Object.values(kernels));
const anyBits = fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 });

/** Add names up again, as a reader of the names would. */
const sum = (kernel: KernelFacts, names: readonly string[]): number =>
  names.reduce(
    (total, name) =>
      total + (name.startsWith('0x') ? Number(name) : kernel.constants[name]),
    0,
  );

describe.each(kernelNames)('%s', (name) => {
  const kernel: KernelFacts = kernels[name];

  test('names each of its filters, by table and by name', () => {
    for (const [filter, number] of Object.entries(kernel.groups.filter)) {
      if (kernel.meta.includes(filter)) continue;
      expect(filterName(kernel, number)).toBe(filter);
      expect(filterName(name, number)).toBe(filter);
    }
  });

  test('never names a counter or marker of the header as a filter', () => {
    for (const marker of kernel.meta) {
      expect(filterName(kernel, kernel.constants[marker])).toBeUndefined();
    }
  });

  test('names each single bit of flags and fflags', () => {
    const single = (table: Constants) =>
      Object.entries(table).filter(
        ([, value]) => value !== 0 && Number.isInteger(Math.log2(value)),
      );
    for (const [, value] of single(kernel.groups.flag)) {
      const names = flagNames(kernel, value);
      expect(names).toHaveLength(1);
      expect(kernel.groups.flag[names[0]]).toBe(value);
    }
    for (const [group, table] of groupsOf(kernel)) {
      if (!group.startsWith('fflag:')) continue;
      const filter = `EVFILT_${group.slice('fflag:'.length)}`;
      for (const [, value] of single(table)) {
        const names = fflagNames(kernel, kernel.constants[filter], value);
        expect(names).toHaveLength(1);
        expect(table[names[0]]).toBe(value);
      }
    }
  });

  test('names every errno and signal number, and finds each number by its name', () => {
    for (const number of Object.values(kernel.errno)) {
      expect(kernel.errno[errnoName(kernel, number) ?? '']).toBe(number);
    }
    for (const number of Object.values(kernel.signals)) {
      expect(kernel.signals[signalName(kernel, number) ?? '']).toBe(number);
    }
  });

  test('uses the common name of an errno and a signal', () => {
    const { errno, signals } = kernel;
    expect(errnoName(kernel, errno.EAGAIN)).toBe('EAGAIN');
    expect(errnoName(kernel, errno.EDEADLK)).toBe('EDEADLK');
    expect(errnoName(kernel, errno.ENOTSUP)).toBe('ENOTSUP');
    expect(errnoName(kernel, errno.EOPNOTSUPP)).toBe(
      errno.EOPNOTSUPP === errno.ENOTSUP ? 'ENOTSUP' : 'EOPNOTSUPP',
    );
    expect(signalName(kernel, signals.SIGABRT)).toBe('SIGABRT');
    expect(signalName(kernel, signals.SIGCHLD)).toBe('SIGCHLD');
    expect(signalName(kernel, signals.SIGIO)).toBe('SIGIO');
  });
});

test('names of flags and fflags add up to the named value', () => {
  fc.assert(
    fc.property(
      anyKernel,
      fc.integer({ min: -20, max: 20 }),
      anyBits,
      (kernel, filter, bits) => {
        expect(sum(kernel, flagNames(kernel, bits))).toBe(bits >>> 0);
        expect(sum(kernel, fflagNames(kernel, filter, bits))).toBe(bits >>> 0);
      },
    ),
  );
});

test('never uses the name of a mask or a combination for a bit', () => {
  fc.assert(
    fc.property(
      anyKernel,
      fc.integer({ min: -20, max: 20 }),
      anyBits,
      (kernel, filter, bits) => {
        for (const name of [
          ...flagNames(kernel, bits),
          ...fflagNames(kernel, filter, bits),
        ]) {
          expect(name).not.toMatch(/MASK$|^EV_SYSFLAGS$|^EV_DISPATCH2$/);
        }
      },
    ),
  );
});

test('names the same number differently on another kernel', () => {
  expect(filterName('darwin', -8)).toBe('EVFILT_MACHPORT');
  expect(filterName('freebsd', -8)).toBe('EVFILT_PROCDESC');
  expect(filterName('openbsd', -8)).toBe('EVFILT_DEVICE');
  expect(filterName('dragonfly', -8)).toBe('EVFILT_EXCEPT');
  expect(filterName('netbsd', -8)).toBeUndefined();
  expect(filterName('netbsd', 0)).toBe('EVFILT_READ');
  expect(filterName('darwin', 0)).toBeUndefined();
});

test('chooses the names of fflags by the filter', () => {
  const { EVFILT_READ, EVFILT_VNODE, EVFILT_TIMER, EVFILT_PROC } =
    darwin.constants;
  expect(fflagNames(darwin, EVFILT_READ, 0x1)).toEqual(['NOTE_LOWAT']);
  expect(fflagNames(darwin, EVFILT_VNODE, 0x1)).toEqual(['NOTE_DELETE']);
  expect(fflagNames(darwin, EVFILT_TIMER, 0x1)).toEqual(['NOTE_SECONDS']);
  expect(fflagNames(darwin, EVFILT_PROC, 0x1)).toEqual(['NOTE_TRACK']);
});

test('distinguishes the timer bits that differ between kernels', () => {
  const bits = (kernel: KernelFacts, fflags: number) =>
    fflagNames(kernel, kernel.constants.EVFILT_TIMER, fflags);
  expect(bits(darwin, 0x2)).toEqual(['NOTE_USECONDS']);
  expect(bits(freebsd, 0x2)).toEqual(['NOTE_MSECONDS']);
  expect(bits(darwin, 0x8)).toEqual(['NOTE_ABSOLUTE']);
  expect(bits(freebsd, 0x8)).toEqual(['NOTE_NSECONDS']);
  expect(bits(darwin, 0x10)).toEqual(['NOTE_LEEWAY']);
  expect(bits(openbsd, 0x10)).toEqual(['NOTE_ABSTIME']);
  expect(bits(dragonfly, 0x2)).toEqual(['0x2']);
});

test('names a timer unit that is a multi-bit field once', () => {
  for (const kernel of [openbsd, netbsd]) {
    const { EVFILT_TIMER } = kernel.constants;
    expect(fflagNames(kernel, EVFILT_TIMER, 0)).toEqual([]);
    expect(fflagNames(kernel, EVFILT_TIMER, 1)).toEqual(['NOTE_SECONDS']);
    expect(fflagNames(kernel, EVFILT_TIMER, 2)).toEqual(['NOTE_USECONDS']);
    expect(fflagNames(kernel, EVFILT_TIMER, 3)).toEqual(['NOTE_NSECONDS']);
    expect(fflagNames(kernel, EVFILT_TIMER, 0x53)).toEqual([
      'NOTE_NSECONDS',
      'NOTE_ABSTIME',
      '0x40',
    ]);
  }
});

test('names NOTE_FFCOPY, not NOTE_FFAND and NOTE_FFOR', () => {
  const { EVFILT_USER, NOTE_FFCOPY, NOTE_FFOR, NOTE_TRIGGER } =
    darwin.constants;
  expect(fflagNames(darwin, EVFILT_USER, NOTE_FFCOPY)).toEqual(['NOTE_FFCOPY']);
  expect(fflagNames(darwin, EVFILT_USER, NOTE_FFOR)).toEqual(['NOTE_FFOR']);
  expect(
    fflagNames(darwin, EVFILT_USER, NOTE_FFCOPY | NOTE_TRIGGER | 0xbeef),
  ).toEqual(['NOTE_FFCOPY', 'NOTE_TRIGGER', '0xbeef']);
});

test('names a libkqueue command once', () => {
  const { EVFILT_LIBKQUEUE } = libkqueue.constants;
  expect(fflagNames(libkqueue, EVFILT_LIBKQUEUE, 3)).toEqual([
    'NOTE_THREAD_SAFE',
  ]);
  expect(fflagNames(libkqueue, EVFILT_LIBKQUEUE, 7)).toEqual([
    'NOTE_DEBUG_FUNC',
  ]);
  expect(fflagNames(libkqueue, EVFILT_LIBKQUEUE, 9)).toEqual(['0x9']);
});

test('uses the common name of a flag with two names', () => {
  expect(flagNames(freebsd, 0x4000)).toEqual(['EV_ERROR']);
  expect(flagNames(darwin, 0x3000)).toEqual(['EV_POLL', 'EV_OOBAND']);
  expect(flagNames(openbsd, 0x2000)).toEqual(['EV_FLAG1']);
});

test('names a combination by its bits', () => {
  expect(flagNames(darwin, darwin.constants.EV_DISPATCH2)).toEqual([
    'EV_DISPATCH',
    'EV_UDATA_SPECIFIC',
  ]);
});

test('prints bits without a name together, in hex', () => {
  expect(flagNames('dragonfly', 0x0001)).toEqual(['EV_ADD']);
  expect(flagNames('dragonfly', 0x0301)).toEqual(['EV_ADD', '0x300']);
  expect(fflagNames('darwin', -99, 0x40)).toEqual(['0x40']);
  expect(fflagNames('netbsd', 5, 0x40)).toEqual(['0x40']);
});

test('treats the signed result of | as 32 unsigned bits', () => {
  const { EVFILT_PROC, NOTE_EXIT, NOTE_FORK } = darwin.constants;
  expect(NOTE_EXIT | NOTE_FORK).toBeLessThan(0);
  expect(fflagNames(darwin, EVFILT_PROC, NOTE_EXIT | NOTE_FORK)).toEqual([
    'NOTE_EXIT',
    'NOTE_FORK',
  ]);
});

test('looks up any integer', () => {
  fc.assert(
    fc.property(anyKernel, fc.maxSafeInteger(), (kernel, number) => {
      filterName(kernel, number);
      flagNames(kernel, number);
      fflagNames(kernel, number, number);
      errnoName(kernel, number);
      signalName(kernel, number);
    }),
  );
  expect(flagNames('darwin', 2 ** 40 + 1)).toEqual(['EV_ADD', '0x10000000000']);
  expect(flagNames('darwin', -(2 ** 40))).toEqual(['-0x10000000000']);
  expect(flagNames('darwin', -0)).toEqual([]);
  expect(errnoName('darwin', 10n ** 400n)).toBeUndefined();
});

test('finds an errno by the data of an entry and by the errno of an error', () => {
  expect(errnoName('darwin', 9)).toBe('EBADF');
  expect(errnoName('darwin', 9n)).toBe('EBADF');
  expect(errnoName('darwin', -9)).toBe('EBADF');
  expect(errnoName('darwin', 0)).toBeUndefined();
  expect(errnoName('darwin', 107)).toBeUndefined();
});

test('looks up an errno or a signal number by kernel', () => {
  expect(errnoName('darwin', 35)).toBe('EAGAIN');
  expect(errnoName('libkqueue', 35)).toBe('EDEADLK');
  expect(errnoName('darwin', 106)).toBe('EQFULL');
  expect(errnoName('openbsd', 91)).toBe('ENOTSUP');
  expect(signalName('darwin', 10)).toBe('SIGBUS');
  expect(signalName('libkqueue', 10)).toBe('SIGUSR1');
  expect(signalName('darwin', 10n)).toBe('SIGBUS');
  expect(signalName('freebsd', 32)).toBe('SIGTHR');
  expect(signalName('darwin', 0)).toBeUndefined();
});

test('throws a TypeError that names the received value for a wrong type', () => {
  // @ts-expect-error A filter is a number.
  expect(() => filterName('darwin', '-1')).toThrow(
    new TypeError(
      `Cannot name a filter as 'filter' must be an integer: received "-1"`,
    ),
  );
  // @ts-expect-error Flags are a number.
  expect(() => flagNames('darwin', undefined)).toThrow(
    new TypeError(
      "Cannot name flags as 'flags' must be an integer: received undefined",
    ),
  );
  // @ts-expect-error The fflags are missing.
  expect(() => fflagNames('darwin', -1)).toThrow(
    new TypeError(
      "Cannot name fflags as 'fflags' must be an integer: received undefined",
    ),
  );
  // @ts-expect-error An errno is a number.
  expect(() => errnoName('darwin', 'EBADF')).toThrow(TypeError);
  // @ts-expect-error A signal is a number.
  expect(() => signalName('darwin', null)).toThrow(TypeError);
  for (const kernel of [null, undefined, 1, {}, darwin.constants]) {
    // @ts-expect-error A kernel is a table or a name.
    expect(() => filterName(kernel, -1)).toThrow(TypeError);
  }
});

test('throws a RangeError for a number that is not an integer, or an unknown kernel', () => {
  expect(() => filterName('darwin', Number.NaN)).toThrow(
    new RangeError(
      "Cannot name a filter as 'filter' must be an integer: received NaN",
    ),
  );
  expect(() => flagNames('darwin', 1.5)).toThrow(RangeError);
  expect(() => errnoName('darwin', Number.POSITIVE_INFINITY)).toThrow(
    RangeError,
  );
  // @ts-expect-error There is no such kernel.
  expect(() => filterName('linux', -1)).toThrow(
    new RangeError(
      `Cannot name a filter as 'kernel' must be a kernel's table or one of darwin, freebsd, openbsd, netbsd, dragonfly, libkqueue: received "linux"`,
    ),
  );
  // @ts-expect-error Nor is this one.
  expect(() => filterName('toString', -1)).toThrow(RangeError);
});
