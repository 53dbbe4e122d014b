import { writeSync } from 'node:fs';
import { Kqueue, kevent } from '../../src/index.js';
import { close, pipe } from '../conformance/libc.js';
import { printedBy } from '../support/child.js';

let kq: Kqueue;

beforeEach(() => {
  kq = new Kqueue();
});

afterEach(() => kq.close());

test('delivers the very same value', () => {
  const values = [
    0,
    -0,
    Number.NaN,
    '',
    null,
    undefined,
    2n ** 70n,
    Symbol('s'),
    {},
    () => {},
  ];
  kq.add(
    ...values.map((udata, id) => ({ filter: 'user' as const, id, udata })),
  );
  for (const id of values.keys()) kq.trigger(id);
  const got = kq.poll().map((event) => event.udata);
  expect(got).toHaveLength(values.length);
  for (const [i, value] of values.entries()) {
    expect(Object.is(got[i], value)).toBe(true);
  }
});

describe('a value is released with its registration', () => {
  test('by delete', () => {
    kq.add({ filter: 'user', id: 1, udata: {} });
    kq.delete({ filter: 'user', id: 1 });
    expect(kq.size).toBe(0);
  });

  test('by the delivery of a one-shot', () => {
    kq.add({ filter: 'user', id: 1, oneshot: true, udata: 'once' });
    kq.trigger(1);
    expect(kq.poll()).toMatchObject([{ udata: 'once' }]);
    expect(kq.size).toBe(0);
  });

  test('by a failed add', () => {
    expect(() => kq.add({ filter: 'read', fd: 2 ** 30, udata: {} })).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    );
    expect(kq.size).toBe(0);
  });

  test('by being replaced', () => {
    kq.add({ filter: 'user', id: 1, udata: 'a' });
    kq.add({ filter: 'user', id: 1, udata: 'b' });
    expect(kq.size).toBe(1);
  });

  test('by a delete after its descriptor was closed', () => {
    const [reader, writer] = pipe();
    kq.add({ filter: 'read', fd: reader, udata: {} });
    close(reader);
    close(writer);
    expect(() => kq.delete({ filter: 'read', fd: reader })).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    expect(kq.size).toBe(0);
  });

  test('by close', () => {
    kq.add({ filter: 'user', id: 1, udata: {} });
    kq.close();
    expect(kq.size).toBe(0);
  });
});

test('a trigger, enabling and disabling keep the value', () => {
  kq.add({ filter: 'user', id: 1, udata: 'kept', disabled: true });
  kq.trigger(1);
  kq.enable({ filter: 'user', id: 1 });
  expect(kq.poll()).toMatchObject([{ udata: 'kept' }]);
  kq.disable({ filter: 'user', id: 1 });
  kq.enable({ filter: 'user', id: 1 });
  kq.trigger(1);
  expect(kq.poll()).toMatchObject([{ udata: 'kept' }]);
});

test('a trigger by code that does not know the registration keeps the value', async () => {
  const { EVFILT_USER, NOTE_TRIGGER } = await import('../../src/index.js');
  kq.add({ filter: 'user', id: 1, udata: 'kept' });
  const trigger = { ident: 1, filter: EVFILT_USER, fflags: NOTE_TRIGGER };
  kevent(kq.fd, [trigger], null);
  expect(kq.poll()).toMatchObject([{ udata: 'kept' }]);
});

test('a pending event of a registration that was replaced is not delivered', async () => {
  kq.add(
    { filter: 'user', id: 1, udata: 'first' },
    { filter: 'user', id: 2, udata: 'old' },
  );
  kq.trigger(1);
  kq.trigger(2);
  // The loop collects both, and takes one.
  for await (const { udata } of kq) {
    expect(udata).toBe('first');
    break;
  }
  kq.add({ filter: 'user', id: 2, udata: 'new' });
  expect(kq.poll()).toEqual([]);
  kq.trigger(2);
  expect(kq.poll()).toMatchObject([{ udata: 'new' }]);
});

test('an event of a reused descriptor does not have the old value', () => {
  const [reader, writer] = pipe();
  writeSync(writer, 'old');
  kq.add({ filter: 'read', fd: reader, udata: 'old' });
  close(reader);
  const [reader2, writer2] = pipe();
  expect(reader2).toBe(reader);
  writeSync(writer2, 'new');
  // The new descriptor is not registered yet.
  expect(kq.poll()).toEqual([]);
  kq.add({ filter: 'read', fd: reader2, udata: 'new' });
  expect(kq.poll()).toMatchObject([{ available: 3, udata: 'new' }]);
  for (const fd of [writer, reader2, writer2]) close(fd);
});

test('drops an event with the token of an ended registration', async () => {
  const { EV_ADD, EVFILT_USER, NOTE_TRIGGER } = await import(
    '../../src/index.js'
  );
  kq.add({ filter: 'user', id: 1, udata: 'old' });
  kq.trigger(1);
  const [{ raw }] = kq.poll();
  kq.delete({ filter: 'user', id: 1 });
  // As a kernel does that has not seen the end yet.
  kevent(
    kq.fd,
    [
      {
        ident: 1,
        filter: EVFILT_USER,
        flags: EV_ADD,
        fflags: NOTE_TRIGGER,
        udata: raw.udata,
      },
    ],
    null,
  );
  expect(kq.poll()).toEqual([]);
});

test('an event of other code has no value, although its udata resembles a token', async () => {
  const { EV_ADD, EVFILT_USER, NOTE_TRIGGER } = await import(
    '../../src/index.js'
  );
  kq.add({ filter: 'user', id: 1, udata: 'mine' });
  kq.trigger(1);
  const [{ raw }] = kq.poll();
  // The low 32 bits of a token.
  const udata = Number(BigInt(raw.udata) & 0xffff_ffffn);
  const change = { ident: 2, filter: EVFILT_USER, flags: EV_ADD };
  kevent(kq.fd, [{ ...change, fflags: NOTE_TRIGGER, udata }], null);
  expect(kq.poll()).toMatchObject([
    { id: 2, udata: undefined, raw: { udata } },
  ]);
});

test('two hundred thousand fired registrations leak nothing', async () => {
  const [before, after, size] = (await printedBy('queue/udata', 'many', {
    flags: ['--expose-gc'],
  })) as number[];
  expect(size).toBe(0);
  expect(after - before).toBeLessThan(250_000);
});

test('a value can be garbage-collected after its registration has ended', async () => {
  const lost = await printedBy('queue/udata', 'collected', {
    flags: ['--expose-gc'],
  });
  expect(lost).toEqual([['kept', 'filled', 'pending'], [], [true, true]]);
});
