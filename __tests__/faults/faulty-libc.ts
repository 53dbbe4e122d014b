// A libc that records its calls, and fails one of them.
import type { Libc } from '../../src/ffi/libc.js';
import { type Errno, numberOf } from './errnos.js';

const EPOLL_CTL_DEL = 2;
const OPERATIONS = ['', 'add', 'del', 'mod'];

/** Which call fails, with what, and whether all after it do too. */
export interface Fault {
  readonly call: string;
  /** The how manieth call of that name: 0 is the first. */
  readonly nth: number;
  readonly errno: Errno;
  readonly forEver: boolean;
}

/** A call that was made. */
export interface Call {
  readonly name: string;
  /** The call failed by itself, before the fault. */
  readonly isRefused: boolean;
}

type Native = (...args: number[]) => number;

export interface FaultyLibc {
  readonly libc: Libc;
  /** From now on calls are written down, and one of them fails. */
  arm(fault?: Fault): void;
  /** The calls since. */
  disarm(): readonly Call[];
  /** Whether the call that was to fail was made. */
  readonly happened: boolean;
}

/** Make one of a libc that works. */
export function faultyLibc(real: Libc): FaultyLibc {
  let calls: Call[] | undefined;
  let fault: Fault | undefined;
  let count = 0;
  let happened = false;
  /** The errno of the last call, if it is not the real one's. */
  let pretended = 0;

  const isTheOne = (name: string): boolean => {
    if (fault === undefined || fault.call !== name) return false;
    const nth = count++;
    return fault.forEver ? nth >= fault.nth : nth === fault.nth;
  };

  /** Fail, after the side effects that such a failure has. */
  const fail = (name: string, original: Native, args: number[]): number => {
    if (name === 'close') {
      original(...args);
    } else if (name === 'epollCtl.add') {
      // EEXIST is reported before any resource is needed.
      const result = original(...args);
      if (result < 0) return result;
      const [ep, , fd] = args;
      original(ep, EPOLL_CTL_DEL, fd, 0);
    }
    happened = true;
    pretended = fault === undefined ? 0 : numberOf(fault.errno);
    return name === 'isatty' ? 0 : -1;
  };

  const wrap =
    (member: string, original: Native): Native =>
    (...args) => {
      const name =
        member === 'epollCtl' ? `epollCtl.${OPERATIONS[args[1]]}` : member;
      const isFault = isTheOne(name);
      const result = isFault ? fail(name, original, args) : original(...args);
      if (!isFault && result < 0) pretended = 0;
      const isRefused = name === 'epollCtl.add' && result < 0;
      calls?.push({ name, isRefused });
      return result;
    };

  const members = Object.entries(real).map(([name, member]) => {
    if (name === 'errno') return [name, () => pretended || real.errno()];
    return [name, typeof member === 'function' ? wrap(name, member) : member];
  });

  return {
    libc: Object.fromEntries(members),
    get happened() {
      return happened;
    },
    arm(planned) {
      calls = [];
      fault = planned;
      count = 0;
      happened = false;
    },
    disarm() {
      const made = calls ?? [];
      calls = undefined;
      fault = undefined;
      return made;
    },
  };
}
