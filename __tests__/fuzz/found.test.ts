// What the random calls have found, each once more by itself.
import { inspect } from 'node:util';
import {
  close,
  KeventList,
  Kqueue,
  kqueue,
  type WaitOptions,
} from '../../src/index.js';
import { isolate } from '../conformance/world.js';
import { revoked } from '../support/oddities.js';

isolate();

let kq: Kqueue<unknown>;
beforeEach(() => {
  kq = new Kqueue();
});
afterEach(() => kq.close());

/** JavaScript that knows no types. */
const wrong = <T>(value: unknown): T => value as T;

test('rejects an array with a huge length promptly', () => {
  for (const length of [2 ** 20 + 1, 2 ** 32 - 1]) {
    const sparse = new Array<never>(length);
    const proxy = new Proxy<never[]>([], { get: () => length });
    for (const steps of [sparse, proxy]) {
      expect(() => kq.apply(steps)).toThrow(
        `Cannot change a queue as 'steps' must be at most 2**20 changes: received ${length}`,
      );
    }
  }
});

test('rejects a hole among the changes, and applies none', () => {
  const steps: unknown[] = [{ filter: 'user', id: 1 }];
  steps[2] = { filter: 'user', id: 2 };
  expect(() => kq.apply(wrong(steps))).toThrow(
    "Cannot change a queue as 'change' must be an object: received undefined",
  );
  expect(kq.size).toBe(0);
});

test('a getter that closes the queue does not affect the next owner of its descriptor', () => {
  let other = -1;
  const change = {
    filter: 'timer' as const,
    id: 1,
    get every() {
      kq.close();
      other = kqueue();
      return 1;
    },
  };
  const { fd } = kq;
  const adding = [
    () => kq.add(change),
    () => kq.add(change, { filter: 'user', id: 2 }),
  ];
  for (const add of adding) {
    expect(add).toThrow(expect.objectContaining({ code: 'ERR_KQUEUE_CLOSED' }));
    expect(other).toBe(fd);
    // It has no timer: only the queue at its own descriptor was used.
    const events = Kqueue.fromFd(other);
    expect(() => events.delete({ filter: 'timer', id: 1 })).toThrow('ENOENT');
    events.close();
    kq = new Kqueue();
  }
});

test('rejects options that are not an object', async () => {
  const message = (what: string) =>
    `Cannot ${what} as 'options' must be an object: received null`;
  const none = wrong<WaitOptions>(null);
  expect(() => kq.wait(none)).toThrow(message('wait for events'));
  expect(() => kq.poll(none)).toThrow(message('wait for events'));
  expect(() => kq.events(wrong(null))).toThrow(message('iterate over events'));
  expect(() => kq.on(() => {}, wrong(null))).toThrow(
    message('listen to events'),
  );
  await expect(kq.next(wrong(null))).rejects.toThrow(
    message('wait for an event'),
  );
});

test('rejects a signal that is not an AbortSignal', async () => {
  const expected = "as 'signal' must be an AbortSignal: received";
  for (const signal of [5, null, {}, { aborted: false }]) {
    const options = wrong<{ signal: AbortSignal }>({ signal });
    await expect(kq.next(options)).rejects.toThrow(expected);
    expect(() => kq.events(options)).toThrow(expected);
    expect(() => kq.on(() => {}, options)).toThrow(expected);
  }
});

test('next() rejects with the error of a getter of its options', async () => {
  const reason = new Error('mine');
  const options = {
    get timeout(): number {
      throw reason;
    },
  };
  await expect(kq.next(options)).rejects.toBe(reason);
});

test('fill and udataOf require a list, and read only its memory', () => {
  const expected = "as 'list' must be a KeventList: received an object";
  expect(() => kq.fill(wrong({}), 0)).toThrow(expected);
  expect(() => kq.udataOf(wrong({}), 0)).toThrow(expected);
  kq.add({ filter: 'user', id: 1, oneshot: true, udata: 'mine' });
  for (const prototype of [null, revoked({})]) {
    const list = new KeventList(2);
    Object.setPrototypeOf(list, prototype);
    kq.add({ filter: 'user', id: 1, udata: 'mine' });
    kq.trigger(1);
    expect(kq.fill(list, 0)).toBe(1);
    expect(kq.udataOf(list, 0)).toBe('mine');
  }
});

test('close() with the number of a queue closes the queue', async () => {
  const next = kq.next();
  close(kq.fd);
  expect(kq.closed).toBe(true);
  expect(await next).toBeUndefined();
});

test('inspects a list of a class with an odd name', () => {
  const buffer = new ArrayBuffer(8);
  const detached = new Uint8Array(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  for (const name of [detached, 5, null, undefined, Symbol('name')]) {
    class Odd extends KeventList {}
    Object.defineProperty(Odd, 'name', { value: name });
    expect(inspect(new Odd(2))).toBe('KeventList(0 of 2) []');
  }
  const none = new KeventList(2);
  Object.defineProperty(none, 'constructor', { value: undefined });
  expect(inspect(none)).toBe('KeventList(0 of 2) []');
});
