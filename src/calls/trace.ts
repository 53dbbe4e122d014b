import { writeSync } from 'node:fs';
import { errnoName, flagNames, type KernelFacts } from '../abi/index.js';
import {
  formatEntries,
  type Kernel,
  type KeventMemory,
  type TimespecMemory,
  type TimespecWidth,
} from '../memory/index.js';
import { ffi } from './late.js';

/** The maximum number of entries of a list to print, as in strace(1). */
const MAX_ENTRIES = 32;
const STDERR = 2;
/** How many times to write to a full pipe, a millisecond apart. */
const TRIES = 1000;

/**
 * Write to standard error before the program continues, so that nothing is lost
 * when the process ends. A closed standard error does not end the process.
 */
function writer(): (text: string) => void {
  let isBroken = false;
  return (text) => {
    let rest: Uint8Array = Buffer.from(text);
    for (let tries = 0; rest.length > 0 && !isBroken; ) {
      try {
        rest = rest.subarray(writeSync(STDERR, rest));
        tries = 0;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        isBroken = code !== 'EAGAIN' || ++tries > TRIES;
        if (!isBroken) pause();
      }
    }
  };
}

const pause = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
};

/** The prefix of a worker thread's lines. */
function threadName(): string {
  // Not at import, where it would cost every program some milliseconds.
  const { isMainThread, threadId } = ffi().threads();
  return isMainThread ? '' : `[worker ${threadId}] `;
}

/** The two integers of a timespec. */
function partsOf(
  { i32, u32 }: TimespecMemory,
  { wideSec, wideNsec }: TimespecWidth,
): [sec: bigint, nsec: bigint] {
  const at = wideSec ? 2 : 1;
  const int64 = (word: number): bigint =>
    (BigInt(i32[word + 1]) << 32n) | BigInt(u32[word]);
  return [
    wideSec ? int64(0) : BigInt(i32[0]),
    wideNsec ? int64(at) : BigInt(i32[at]),
  ];
}

/** Format a timeout: in seconds, or in milliseconds if it is less than one. */
function timeoutOf(
  timeout: TimespecMemory | null,
  width: TimespecWidth,
): string {
  if (timeout === null) return 'NULL';
  const [sec, nsec] = partsOf(timeout, width);
  if (sec < 0n || nsec < 0n || nsec >= 1_000_000_000n) {
    return `{tv_sec=${sec}, tv_nsec=${nsec}}`;
  }
  if (sec === 0n && nsec === 0n) return '0';
  const [whole, rest, digits, unit] =
    sec === 0n && nsec > 0n
      ? [nsec / 1_000_000n, nsec % 1_000_000n, 6, 'ms']
      : [sec, nsec, 9, 's'];
  const fraction = String(rest).padStart(digits, '0').replace(/0+$/, '');
  return `${whole}${fraction && '.'}${fraction}${unit}`;
}

/** Whether a call may wait, so that its beginning is printed first. */
const mayWait = (
  nevents: number,
  timeout: TimespecMemory | null,
  width: TimespecWidth,
): boolean =>
  nevents > 0 &&
  (timeout === null || partsOf(timeout, width).some((part) => part !== 0n));

const listOf = (
  facts: KernelFacts,
  memory: KeventMemory | null,
  length: number,
): string =>
  memory === null
    ? 'NULL'
    : `[${formatEntries(facts, memory, length, MAX_ENTRIES).join(', ')}]`;

/** kevent64 has its own flags. */
function flags64(facts: KernelFacts, flags: number): string {
  const groups = { ...facts.groups, flag: facts.groups.kevent_flag ?? {} };
  return flagNames({ ...facts, groups }, flags).join('|') || '0';
}

/**
 * Make a kernel that prints every call with its arguments and its result, a
 * line for each, in the style of strace(1). A call that may wait is printed
 * when it begins, and its line is completed when it returns.
 *
 * @param facts The table that names its numbers; by default the kernel's own.
 * @param write Writes the text; by default to standard error, at once.
 */
export function traced(
  kernel: Kernel,
  facts: KernelFacts = kernel.facts,
  write: (text: string) => void = writer(),
): Kernel {
  const { width, kevent64 } = kernel;
  const prefix = threadName();
  // Printing a failure may fail itself, and must not change the errno.
  let errno = 0;

  /** Complete a line with the result of the call. */
  const finishLine = (
    begun: string,
    result: number,
    show: (count: number) => string = () => '',
  ): number => {
    if (result < 0) {
      errno = kernel.errno();
      const name = errnoName(facts, errno) ?? `errno ${errno}`;
      write(`${begun} = -1 ${name}\n`);
    } else {
      write(`${begun} = ${result}${show(result)}\n`);
    }
    return result;
  };

  const exchange = (
    name: string,
    call: () => number,
    kq: number,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    flags: string,
    timeout: TimespecMemory | null,
  ): number => {
    const changelist = listOf(facts, changes, nchanges);
    const limit = timeoutOf(timeout, width);
    let line = `${prefix}${name}(${kq}, ${changelist}, ${nevents}${flags}, ${limit})`;
    if (mayWait(nevents, timeout, width)) {
      write(line);
      line = '';
    }
    return finishLine(line, call(), (count) =>
      count === 0 ? '' : ` ${listOf(facts, events, Math.min(count, nevents))}`,
    );
  };

  return {
    facts: kernel.facts,
    words: kernel.words,
    words64: kernel.words64,
    width,
    kqueue: () => finishLine(`${prefix}kqueue()`, kernel.kqueue()),
    kevent: (kq, changes, nchanges, events, nevents, timeout, id) =>
      exchange(
        'kevent',
        () =>
          kernel.kevent(kq, changes, nchanges, events, nevents, timeout, id),
        kq,
        changes,
        nchanges,
        events,
        nevents,
        '',
        timeout,
      ),
    ...(kevent64 === undefined
      ? {}
      : {
          kevent64: (kq, changes, nchanges, events, nevents, flags, timeout) =>
            exchange(
              'kevent64',
              () =>
                kevent64.call(
                  kernel,
                  kq,
                  changes,
                  nchanges,
                  events,
                  nevents,
                  flags,
                  timeout,
                ),
              kq,
              changes,
              nchanges,
              events,
              nevents,
              `, ${flags64(facts, flags)}`,
              timeout,
            ),
        }),
    queueId: (kq) => kernel.queueId?.(kq),
    close: (fd) => finishLine(`${prefix}close(${fd})`, kernel.close(fd)),
    ...(kernel.openWaker === undefined
      ? {}
      : {
          openWaker: (kq, words) => kernel.openWaker?.(kq, words) ?? -1,
          closeWaker: (kq, words) => kernel.closeWaker?.(kq, words),
        }),
    errno: () => errno,
    reason: (errno, change) => kernel.reason?.(errno, change),
    whyNoQueue: (fd) => kernel.whyNoQueue?.(fd),
  };
}
