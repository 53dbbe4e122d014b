import { misuse, throwBadInteger } from '../errors.js';
import type { Address } from './kevent-memory.js';

/**
 * How long `kevent` may wait.
 *
 * - `null` or `undefined`: indefinitely.
 * - A number: milliseconds from 0 to 2147483647000, fractions allowed, rounded to the
 *   nearest nanosecond. 0 polls.
 * - `{ tv_sec, tv_nsec }` or a {@link Timespec}: passed to the kernel unchanged. The
 *   kernel refuses invalid values with `EINVAL`.
 */
export type Timeout =
  | null
  | undefined
  | number
  | { readonly tv_sec: number | bigint; readonly tv_nsec: number | bigint };

/** `struct timespec` in memory, as two integers of 4 or 8 bytes. */
export interface TimespecMemory {
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  /** The address of the block, once a kernel has read it. */
  address: Address;
}

const TWO_32 = 2 ** 32;
const MAX_MS = 0x7fffffff * 1000;

const INT64_RANGE = 'a safe integer, or a bigint of 64 bits';

/** Allocate a zero timespec, wide enough for any kernel. */
export function allocateTimespec(): TimespecMemory {
  const block = new ArrayBuffer(16);
  return {
    i32: new Int32Array(block),
    u32: new Uint32Array(block),
    address: undefined,
  };
}

/** The timeout of a poll, which is never written to. */
export const POLL: TimespecMemory = /* @__PURE__ */ allocateTimespec();

function checkInt64(value: unknown, action: string, name: string): void {
  const good =
    typeof value === 'number'
      ? Number.isSafeInteger(value)
      : typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
  if (!good) throwBadInteger(action, name, INT64_RANGE, value, true);
}

function writeInt(
  memory: TimespecMemory,
  at: number,
  value: number | bigint,
  wide: boolean,
): void {
  if (typeof value === 'number') {
    memory.i32[at] = value;
    if (wide) memory.i32[at + 1] = Math.floor(value / TWO_32);
    return;
  }
  memory.i32[at] = Number(BigInt.asIntN(32, value));
  if (wide) memory.i32[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** Whether the two fields have 8 bytes each. */
export interface TimespecWidth {
  readonly wideSec: boolean;
  readonly wideNsec: boolean;
}

function write(
  memory: TimespecMemory,
  width: TimespecWidth,
  sec: number | bigint,
  nsec: number | bigint,
): void {
  writeInt(memory, 0, sec, width.wideSec);
  writeInt(memory, width.wideSec ? 2 : 1, nsec, width.wideNsec);
}

function checkNarrow(
  width: TimespecWidth,
  sec: number | bigint,
  nsec: number | bigint,
  action: string,
): void {
  if (!width.wideSec && BigInt.asIntN(32, BigInt(sec)) !== BigInt(sec)) {
    throwBadInteger(action, 'tv_sec', 'an integer of 32 bits', sec, true);
  }
  if (!width.wideNsec && BigInt.asIntN(32, BigInt(nsec)) !== BigInt(nsec)) {
    throwBadInteger(action, 'tv_nsec', 'an integer of 32 bits', nsec, true);
  }
}

const MS_RANGE = 'a number of milliseconds from 0 to 2147483647000';

const isValidTimeout = (ms: number): boolean => ms >= 0 && ms <= MAX_MS;

function writeMilliseconds(
  memory: TimespecMemory,
  width: TimespecWidth,
  ms: number,
): void {
  let sec = Math.floor(ms / 1000);
  let nsec = Math.round((ms - sec * 1000) * 1e6);
  if (nsec === 1e9) {
    sec += 1;
    nsec = 0;
  }
  // A short wait must not be rounded to a poll.
  if (sec === 0 && nsec === 0 && ms > 0) nsec = 1;
  write(memory, width, sec, nsec);
}

/**
 * Check a timeout and encode it for the kernel.
 *
 * @param memory The memory to write to, unless the timeout is constant.
 * @returns The memory of the timeout, or null to wait indefinitely.
 * @throws {TypeError} If it is not a timeout, or a field has a wrong type.
 * @throws {RangeError} If a number is negative, NaN, infinite or too large.
 */
export function encodeTimeout(
  memory: TimespecMemory,
  width: TimespecWidth,
  timeout: Timeout,
  action: string,
): TimespecMemory | null {
  if (timeout === null || timeout === undefined) return null;
  if (timeout === 0) return POLL;
  writeTimeout(memory, width, timeout, action);
  return memory;
}

function writeTimeout(
  memory: TimespecMemory,
  width: TimespecWidth,
  timeout: Exclude<Timeout, null | undefined>,
  action: string,
): void {
  if (typeof timeout === 'number') {
    if (!isValidTimeout(timeout)) {
      throw new RangeError(
        misuse(
          action,
          'timeout',
          `${MS_RANGE}, or null to wait indefinitely`,
          timeout,
        ),
      );
    }
    writeMilliseconds(memory, width, timeout);
    return;
  }
  if (typeof timeout !== 'object') {
    throw new TypeError(
      misuse(
        action,
        'timeout',
        'null, a number of milliseconds or { tv_sec, tv_nsec }',
        timeout,
      ),
    );
  }
  const { tv_sec: sec, tv_nsec: nsec } = timeout;
  checkInt64(sec, action, 'tv_sec');
  checkInt64(nsec, action, 'tv_nsec');
  if (!width.wideNsec) checkNarrow(width, sec, nsec, action);
  write(memory, width, sec, nsec);
}

/**
 * A `struct timespec`: seconds and nanoseconds, each a signed 64-bit integer. It is
 * immutable, so many calls can share one.
 *
 * The kernel decides which values it accepts. Darwin accepts 0 to 2**31-1 seconds and
 * 0 to 1000000000 nanoseconds.
 *
 * @example
 * ```ts
 * import { close, kevent, KeventList, kqueue, Timespec } from 'kqueue-ffi';
 *
 * const kq = kqueue();
 * const quarter = new Timespec(0, 250_000_000);
 * console.log(kevent(kq, null, new KeventList(1), quarter)); // 0, 250 ms later
 * close(kq);
 * ```
 */
export class Timespec {
  /** Seconds. */
  readonly tv_sec: number | bigint;
  /** Nanoseconds. */
  readonly tv_nsec: number | bigint;

  /**
   * @throws {TypeError} If an argument is neither number nor bigint.
   * @throws {RangeError} If a number is not a safe integer, or a bigint does not fit
   * 64 bits.
   */
  constructor(tv_sec: number | bigint, tv_nsec: number | bigint = 0) {
    checkInt64(tv_sec, 'create a Timespec', 'tv_sec');
    checkInt64(tv_nsec, 'create a Timespec', 'tv_nsec');
    this.tv_sec = tv_sec;
    this.tv_nsec = tv_nsec;
    Object.freeze(this);
  }

  /**
   * Convert milliseconds to a timespec, rounded to the nearest nanosecond. Fractions
   * are allowed. A positive number never becomes zero.
   *
   * @throws {TypeError} If `ms` is not a number.
   * @throws {RangeError} If `ms` is not from 0 to 2147483647000.
   */
  static fromMilliseconds(ms: number): Timespec {
    if (typeof ms !== 'number' || !isValidTimeout(ms)) {
      throwBadInteger('create a Timespec', 'ms', MS_RANGE, ms);
    }
    const memory = allocateTimespec();
    writeMilliseconds(memory, { wideSec: true, wideNsec: true }, ms);
    return new Timespec(memory.u32[0], memory.i32[2]);
  }
}
