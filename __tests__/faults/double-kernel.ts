// A double of Darwin's library, called through FFI, that has the built-in
// kernel behind it: real answers, until one call fails.

import koffi from 'koffi';
import { kernels } from '../../src/abi/kernels.js';
import { createLinuxKernel, LinuxKernel } from '../../src/linux/kernel.js';
import type { Kernel } from '../../src/memory/kernel.js';
import { allocate } from '../../src/memory/kevent-memory.js';
import { allocateTimespec } from '../../src/memory/timespec.js';
import { Double, type KeventCall } from '../support/doubles.js';

/** A function of the library, and the errnos of its man page. */
export const LISTED = {
  kqueue: ['EMFILE', 'ENFILE', 'ENOMEM'],
  kevent: [
    'EACCES',
    'EBADF',
    'EFAULT',
    'EINTR',
    'EINVAL',
    'ENOENT',
    'ENOMEM',
    'ESRCH',
  ],
  close: ['EBADF', 'EINTR', 'EIO'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Name = keyof typeof LISTED;
export type Code = (typeof LISTED)[Name][number];

export interface DoubleFault {
  readonly call: Name;
  /** Which of the calls, or every one. */
  readonly nth: number | 'each';
  readonly code: Code;
}

export interface DoubleKernel {
  readonly kernel: Kernel;
  arm(fault?: DoubleFault): void;
  /** The calls since. */
  disarm(): readonly Name[];
  /** How many registrations the queue has in truth. */
  registrations(kq: number): number;
  /** Close the queues that are left. */
  closeQueues(): void;
  dispose(): void;
}

/** Make one. */
export function doubleKernel(): DoubleKernel {
  const real = createLinuxKernel();
  if (!(real instanceof LinuxKernel)) throw new Error('another kernel');
  const timeout = allocateTimespec();
  const errno: Readonly<Record<string, number>> = kernels.darwin.errno;
  let calls: Name[] = [];
  let fault: DoubleFault | undefined;

  const call = (name: Name, body: () => number, isChange = false): number => {
    const nth = calls.filter((made) => made === name).length;
    calls.push(name);
    if (fault?.call === name && (fault.nth === 'each' || fault.nth === nth)) {
      // A failed close still closes the descriptor. A signal ends a wait after
      // the changes were applied.
      const isMade = isChange && fault.code === 'EINTR';
      if (name === 'close' || isMade) body();
      return double.fail(errno[fault.code]);
    }
    const result = body();
    return result < 0 ? double.fail(real.errno()) : result;
  };

  const kevent = ({ kq, nevents, ...given }: KeventCall): number => {
    const { changes: bytes, nchanges, eventlist, timespec } = given;
    const changes = allocate(Math.max(nchanges, 1), real.words);
    new Uint8Array(changes.i32.buffer).set(bytes);
    const events = allocate(Math.max(nevents, 1), real.words);
    const words = new Int32Array(timespec.buffer);
    timeout.i32.set(words);
    const count = real.kevent(
      kq,
      nchanges > 0 ? changes : null,
      nchanges,
      nevents > 0 ? events : null,
      nevents,
      words.length > 0 ? timeout : null,
    );
    if (count > 0) {
      const size = count * double.struct.size;
      new Uint8Array(koffi.view(BigInt(eventlist), size)).set(
        new Uint8Array(events.i32.buffer, 0, size),
      );
    }
    return count;
  };

  const double = new Double({
    kernel: 'darwin',
    behaviour: {
      kqueue: () => call('kqueue', () => real.kqueue()),
      kevent: (given) =>
        call('kevent', () => kevent(given), given.nchanges > 0),
      close: (fd) => call('close', () => real.close(fd)),
    },
  });

  return {
    kernel: double.bind(),
    arm(planned) {
      calls = [];
      fault = planned;
    },
    disarm() {
      fault = undefined;
      const made = calls;
      calls = [];
      double.calls.length = 0;
      return made;
    },
    closeQueues() {
      for (const { fd } of real.queues.all()) real.close(fd);
    },
    registrations: (kq) => [...(real.queueOf(kq)?.knotes.all() ?? [])].length,
    dispose: () => double[Symbol.dispose](),
  };
}
