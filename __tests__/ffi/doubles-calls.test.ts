// What a call passes to each kernel, and how its results are read.
import type { KeventInit } from '../../src/index.js';
import {
  type Timeout as TimeoutArgument,
  Timespec,
} from '../../src/memory/timespec.js';
import {
  type Double,
  disposeDoubles,
  double,
  everyEntry,
  type KeventCall,
  toBytes,
} from '../support/doubles.js';

afterEach(disposeDoubles);

/** The last call the double received. */
function last({ calls }: Double): KeventCall {
  const call = calls.at(-1);
  if (call === undefined) throw new Error('kevent was not called');
  return call;
}

const seconds = (tv_sec: bigint, tv_nsec: bigint) => ({ tv_sec, tv_nsec });

describe.each(everyEntry)('$kernel through $symbol', (options) => {
  test('kqueue() returns the descriptor of the kernel', () => {
    const behaviour = { kqueue: () => 41 };
    expect(
      double({ ...options, behaviour })
        .open()
        .kqueue(),
    ).toBe(41);
  });

  test('close() passes the descriptor to the kernel', () => {
    const closed: number[] = [];
    const close = (fd: number) => closed.push(fd) * 0;
    const calls = double({ ...options, behaviour: { close } }).open();
    calls.close(0);
    calls.close(2 ** 31 - 1);
    expect(closed).toEqual([0, 2 ** 31 - 1]);
  });

  test('passes NULL and zero counts for absent lists and timeouts', () => {
    const kernel = double(options);
    expect(kernel.open().kevent(7, null, null)).toBe(0);
    expect(last(kernel)).toMatchObject({
      kq: 7,
      changelist: 0,
      nchanges: 0,
      eventlist: 0,
      nevents: 0,
      timeout: 0,
    });
  });

  test('passes the length of a change list and the capacity of an event list', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const changes = calls.list(5);
    changes.push({ ident: 1, filter: 1 });
    changes.push({ ident: 2, filter: 1 });
    calls.kevent(7, changes, calls.list(9), 0);
    expect(last(kernel)).toMatchObject({ nchanges: 2, nevents: 9 });
  });

  test.each<[string, TimeoutArgument, ReturnType<typeof seconds>]>([
    ['0 is a zero timespec', 0, seconds(0n, 0n)],
    ['1500.25 ms', 1500.25, seconds(1n, 500_250_000n)],
    ['a nanosecond', 1e-6, seconds(0n, 1n)],
    ['the longest wait', 2147483647000, seconds(2147483647n, 0n)],
    [
      'fields, even those the kernel will refuse,',
      { tv_sec: -1, tv_nsec: 2_000_000_000n },
      seconds(-1n, 2_000_000_000n),
    ],
    ['a Timespec', new Timespec(3, 999_999_999), seconds(3n, 999_999_999n)],
  ])('passes %s as the struct timespec of the kernel', (_, timeout, fields) => {
    const kernel = double(options);
    kernel.open().kevent(7, null, null, timeout);
    expect(last(kernel).timespec).toEqual(toBytes(kernel.timespec, fields));
  });

  test('reads the reported events, and not the rest of the list', () => {
    const events = [1n, 2n].map((ident) => ({ ident, filter: 6n }));
    const behaviour = { kevent: (call: KeventCall) => call.answer(...events) };
    const calls = double({ ...options, behaviour }).open();
    const list = calls.list(4);
    expect(calls.kevent(7, null, list)).toBe(2);
    expect([...list].map(({ ident }) => ident)).toEqual([1, 2]);
    expect(() => list.get(2)).toThrow(RangeError);
  });

  test('a reused list holds the last events, and none after a 0', () => {
    let ready = 3;
    const kevent = (call: KeventCall) =>
      call.answer(
        ...Array.from({ length: ready }, (_, i) => ({ ident: BigInt(i) })),
      );
    const calls = double({ ...options, behaviour: { kevent } }).open();
    const list = calls.list(4);
    for (ready of [3, 1, 0]) {
      expect(calls.kevent(7, null, list)).toBe(ready);
      expect(list.length).toBe(ready);
    }
  });

  test('throws if the kernel reports more events than fit', () => {
    const calls = double({ ...options, behaviour: { kevent: () => 9 } }).open();
    const list = calls.list(2);
    const count = calls.kevent(7, null, list);
    expect([count, list.length]).toEqual([2, 2]);
  });

  test('accepts one list for changes and events', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const both = calls.list(4);
    both.push({ ident: 5, filter: 1, udata: 6 });
    const [sent, given] = [
      { ident: 5n, filter: 1n, udata: 6n },
      { ident: 8n, filter: 2n, udata: 9n },
    ];
    kernel.behaviour.kevent = (call) => call.answer(given, given);
    expect(calls.kevent(7, both, both)).toBe(2);
    const call = last(kernel);
    expect(call.changelist).toBe(call.eventlist);
    expect([call.nchanges, call.nevents]).toEqual([1, 4]);
    expect(call.changes).toEqual(toBytes(kernel.struct, sent));
    expect([...both].map(({ udata }) => udata)).toEqual([9n, 9n]);
  });

  test('keeps the changes of a shared list if the call fails', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const both = calls.list(4);
    both.push({ ident: 5, filter: 1 });
    kernel.behaviour.kevent = () => kernel.fail(9);
    expect(() => calls.kevent(7, both, both)).toThrow('EBADF');
    expect([...both].map(({ ident }) => ident)).toEqual([5]);
  });

  test('empties the event list if the call fails', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const events = calls.list(4);
    kernel.behaviour.kevent = (call) => call.answer({ ident: 1n });
    calls.kevent(7, null, events);
    kernel.behaviour.kevent = () => kernel.fail(9);
    expect(() => calls.kevent(7, null, events)).toThrow('EBADF');
    expect(events.length).toBe(0);
  });

  test('treats an empty array as no changes', () => {
    const kernel = double(options);
    expect(kernel.open().kevent(7, [], null)).toBe(0);
    expect(last(kernel).nchanges).toBe(0);
  });

  test('passes a thousand objects in order, after fewer and more', () => {
    const kernel = double(options);
    const calls = kernel.open();
    for (const count of [3, 1000, 17]) {
      const inits = Array.from({ length: count }, (_, i) => ({
        ident: i,
        filter: 2,
        data: -i,
      }));
      calls.kevent(7, inits, null);
      const call = last(kernel);
      expect(call.nchanges).toBe(count);
      for (let i = 0; i < count; i++) {
        const [ident, data] = [BigInt(i), BigInt(-i)];
        const expected = toBytes(kernel.struct, { ident, filter: 2n, data });
        expect(kernel.change(call, i)).toEqual(expected);
      }
    }
  });

  test('resets omitted fields of an object', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const full = {
      ident: 1,
      filter: 2,
      flags: 3,
      fflags: 4,
      data: 5,
      udata: 6,
    };
    calls.kevent(7, [full], null);
    calls.kevent(7, [{ ident: 0, filter: 0 }], null);
    expect(last(kernel).changes).toEqual(toBytes(kernel.struct, {}));
  });

  test('allows a getter of a change to make a call itself', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const inner: KeventInit = { ident: 11, filter: 1 };
    const outer: KeventInit = {
      get ident() {
        calls.kevent(8, [inner, inner], null, 5);
        return 12;
      },
      filter: 1,
    };
    calls.kevent(7, [inner, outer, inner], null, {
      get tv_sec() {
        calls.kevent(9, [inner], null, 6);
        return 1;
      },
      tv_nsec: 0,
    });
    expect(kernel.calls.map(({ kq }) => kq)).toEqual([8, 9, 7]);
    const expected = [11n, 12n, 11n].map((ident) =>
      toBytes(kernel.struct, { ident, filter: 1n }),
    );
    const call = last(kernel);
    expect([0, 1, 2].map((i) => kernel.change(call, i))).toEqual(expected);
    const wait = toBytes(kernel.timespec, seconds(1n, 0n));
    expect(call.timespec).toEqual(wait);
  });

  test('rethrows the error of a getter and does not call the kernel', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const mine = new Error('mine');
    const hostile: KeventInit = {
      ident: 1,
      get filter(): number {
        throw mine;
      },
    };
    const good = { ident: 1, filter: 1 };
    expect(() => calls.kevent(7, [good, hostile], null)).toThrow(mine);
    expect(kernel.calls).toEqual([]);
    calls.kevent(7, [good], null);
    expect(last(kernel).nchanges).toBe(1);
  });
});
