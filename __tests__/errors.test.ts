// Errors of the kernel and of bad arguments.
import { misuse, received, throwBadInteger } from '../src/errors.js';
import { close, KqueueError, kevent, kqueue } from '../src/index.js';

function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** A number far above any open descriptor. */
const NEVER_OPEN = 2 ** 20 + 7;

describe('KqueueError', () => {
  test.each([
    ['kevent', () => kevent(NEVER_OPEN, null, null, 0)],
    ['close', () => close(NEVER_OPEN)],
  ])('of %s has the fields of a Node.js system error', (syscall, call) => {
    const error = errorOf(call);
    expect(error).toBeInstanceOf(KqueueError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'KqueueError',
      message: `${syscall} EBADF`,
      code: 'EBADF',
      errno: -9,
      syscall,
    });
  });

  test('is assignable to NodeJS.ErrnoException', () => {
    const error: NodeJS.ErrnoException = new KqueueError('x', 'ENOENT', -2);
    expect(error.code).toBe('ENOENT');
  });

  test('has a stack trace of the call', () => {
    const error = errorOf(() => kevent(NEVER_OPEN, null, null, 0));
    expect((error as Error).stack).toContain(__filename);
    expect(String(error)).toBe('KqueueError: kevent EBADF');
  });

  test('keeps its cause', () => {
    const cause = new Error('below');
    const error = new KqueueError(
      'x',
      'ERR_KQUEUE_LOAD',
      undefined,
      undefined,
      {
        cause,
      },
    );
    expect(error.cause).toBe(cause);
    expect(error.errno).toBeUndefined();
    expect(error.syscall).toBeUndefined();
  });

  test('does not persist: the same descriptor works again', () => {
    const kq = kqueue();
    expect(kevent(kq, null, null, 0)).toBe(0);
    close(kq);
    expect(errorOf(() => kevent(kq, null, null, 0))).toBeInstanceOf(
      KqueueError,
    );
    const again = kqueue();
    expect(kevent(again, null, null, 0)).toBe(0);
    close(again);
  });
});

/** A value that fails the test if any of its properties is used. */
const untouchable = new Proxy(
  () => {},
  Object.fromEntries(
    Reflect.ownKeys(Reflect).map((trap) => [
      trap,
      () => {
        throw new Error(`it used the trap ${String(trap)}`);
      },
    ]),
  ),
);

const revoked = Proxy.revocable({}, {});
revoked.revoke();

describe('a message about a bad argument', () => {
  test('names the call, the argument, the expected and the received value', () => {
    expect(misuse('call close', 'fd', 'an integer', null)).toBe(
      "Cannot call close as 'fd' must be an integer: received null",
    );
  });

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [0, '0'],
    [-0, '-0'],
    [1.5, '1.5'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [12n, '12n'],
    [-(2n ** 64n), '-18446744073709551616n'],
    [2n ** 100_000n, 'a huge bigint'],
    [-(2n ** 100_000n), 'a huge bigint'],
    ['3', '"3"'],
    ['a\n"b"', '"a\\n\\"b\\""'],
    ['x'.repeat(10_000), `"${'x'.repeat(32)}…"`],
    [Symbol('secret'), 'a symbol'],
    [() => 1, 'a function'],
    [class {}, 'a function'],
    [{}, 'an object'],
    [[1, 2], 'an object'],
    [Object.create(null), 'an object'],
    [untouchable, 'a function'],
    [revoked.proxy, 'an object'],
  ])('describes value %# without running its code', (value, said) => {
    expect(received(value)).toBe(said);
  });

  test('does not run toString, valueOf or getters of the received value', () => {
    const trap = (): never => {
      throw new Error('ran');
    };
    const hostile = {
      toString: trap,
      valueOf: trap,
      toJSON: trap,
      [Symbol.toPrimitive]: trap,
      get [Symbol.toStringTag](): string {
        return trap();
      },
    };
    expect(received(hostile)).toBe('an object');
  });
});

test('is a TypeError for a wrong type, a RangeError for a wrong number', () => {
  const thrown = (value: unknown) =>
    errorOf(() => throwBadInteger('call close', 'fd', 'an integer', value));
  for (const value of [1.5, Number.NaN, -1, 2 ** 80]) {
    expect(thrown(value)).toBeInstanceOf(RangeError);
  }
  for (const value of ['1', null, undefined, {}, true, Symbol.iterator]) {
    expect(thrown(value)).toBeInstanceOf(TypeError);
  }
});
