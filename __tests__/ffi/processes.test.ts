// What the C library of a system says of processes: waitid(2) of a child that has
// ended, and issetugid(2). The systems are doubles.
import koffi from 'koffi';
import { childStatus } from '../../src/ffi/child-status.js';
import type { NativeFunction, NativeLibrary } from '../../src/ffi/library.js';
import { isSetugid } from '../../src/ffi/setugid.js';

const PID = 4711;

type Arguments = readonly number[];

/** A library with functions in JavaScript. */
const libraryOf = (
  functions: Readonly<Record<string, NativeFunction>>,
): NativeLibrary => ({ name: 'libc', func: (symbol) => functions[symbol] });

/** sys/wait.h and siginfo_t, as the headers of each system have them. */
const SYSTEMS = {
  darwin: {
    arguments: [1, PID, 4 | 1 | 32],
    words: { signo: 0, errno: 1, code: 2, pid: 3, status: 5 },
  },
  freebsd: {
    arguments: [0, PID, 16 | 1 | 8],
    words: { signo: 0, errno: 1, code: 2, pid: 3, status: 5 },
  },
  openbsd: {
    arguments: [2, PID, 4 | 1 | 16],
    words: { signo: 0, code: 1, errno: 2, pid: 4, status: 10 },
  },
} as const;

describe.each(['darwin', 'freebsd', 'openbsd'] as const)('on %s', (system) => {
  const { arguments: expected, words } = SYSTEMS[system];
  const calls: Arguments[] = [];
  afterEach(() => {
    calls.length = 0;
  });

  /** A waitid that finds a child, or nothing that has ended, or fails. */
  const statusOf = (found: { code: number; status: number } | 0 | -1) =>
    childStatus(
      PID,
      system,
      libraryOf({
        waitid: (type, id, address, options) => {
          calls.push([type, id, options]);
          if (found === 0 || found === -1) return found;
          const info = new Int32Array(koffi.view(BigInt(address), 128));
          info[words.signo] = 20;
          info[words.pid] = PID;
          info[words.code] = found.code;
          info[words.status] = found.status;
          return 0;
        },
      }),
    );

  test.each([
    ['exit 0', { code: 1, status: 0 }, 0],
    ['exit 3', { code: 1, status: 3 }, 0x300],
    ['exit 255', { code: 1, status: 255 }, 0xff00],
    ['SIGKILL', { code: 2, status: 9 }, 9],
    ['a dumped core', { code: 3, status: 11 }, 0x8b],
    ['a stop', { code: 5, status: 17 }, undefined],
    ['a child that runs', 0, undefined],
    ['no child', -1, undefined],
  ] as const)('%s', (_, found, status) => {
    expect(statusOf(found)).toBe(status);
    // It waits for nothing, and the child is left for its parent.
    expect(calls).toEqual([expected]);
  });

  test('reports nothing on a release without waitid', () => {
    expect(childStatus(PID, system, libraryOf({}))).toBeUndefined();
  });
});

test('does not call waitid on a system with unknown numbers', () => {
  const waitid = () => {
    throw new Error('called');
  };
  for (const system of ['linux', 'netbsd', 'win32', 'constructor']) {
    expect(childStatus(PID, system, libraryOf({ waitid }))).toBeUndefined();
  }
});

test.each([
  ['darwin', 1, true],
  ['darwin', 0, false],
  ['openbsd', 1, true],
  ['freebsd', undefined, false],
  ['linux', 1, false],
] as const)('on %s issetugid() = %s: %s', (system, answer, expected) => {
  const functions = answer === undefined ? {} : { issetugid: () => answer };
  expect(isSetugid(system, libraryOf(functions))).toBe(expected);
});
