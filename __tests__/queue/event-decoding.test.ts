import { inspect } from 'node:util';
import { kernels } from '../../src/abi/kernels.js';
import type { KernelFacts } from '../../src/abi/shape.js';
import { listFor, memoryOf } from '../../src/calls/kevent-list.js';
import type { KeventInit } from '../../src/memory/kevent.js';
import { wordsOf } from '../../src/memory/kevent-memory.js';
import { unsignedAt } from '../../src/memory/kevent-read.js';
import { layoutOf } from '../../src/memory/layout.js';
import { decoderOf } from '../../src/queue/decoder.js';

const { darwin, freebsd, netbsd, libkqueue } = kernels;

const decode = (facts: KernelFacts, kevent: KeventInit) => {
  const list = listFor(wordsOf(layoutOf(facts, 'x64', 'kevent')), 1);
  list.push(kevent);
  const memory = memoryOf(list, 'decode', 'list', 'a KeventList');
  const token = unsignedAt(memory, memory.words.udata);
  return decoderOf(facts).event(memory, 0, 'value', token);
};

test.each(Object.values(kernels).map((facts) => [facts.name, facts] as const))(
  'events of %s have the names of their filters',
  (_, facts) => {
    const { constants } = facts as KernelFacts;
    for (const name of [
      'read',
      'write',
      'except',
      'vnode',
      'proc',
      'signal',
      'timer',
      'user',
    ]) {
      const filter = constants[`EVFILT_${name.toUpperCase()}`];
      if (filter === undefined) continue;
      expect(decode(facts, { ident: 1, filter }).filter).toBe(name);
    }
  },
);

test('events have the raw fields of the kernel', () => {
  const event = decode(darwin, {
    ident: 5,
    filter: -1,
    flags: 0x21,
    fflags: 0,
    data: 12,
    udata: 99,
  });
  expect(event).toEqual({
    filter: 'read',
    fd: 5,
    available: 12,
    eof: false,
    error: undefined,
    udata: 'value',
    raw: { ident: 5, filter: -1, flags: 0x21, fflags: 0, data: 12, udata: 99 },
  });
});

test('names the error of a socket by its kernel', () => {
  const end = (facts: KernelFacts, filter: number, fflags: number) =>
    decode(facts, { ident: 5, filter, flags: 0x8000, fflags, data: 3 });
  expect(end(darwin, -1, 54)).toMatchObject({
    eof: true,
    error: 'ECONNRESET',
    available: 3,
  });
  expect(end(libkqueue, -2, 104)).toMatchObject({
    eof: true,
    error: 'ECONNRESET',
    space: 3,
  });
  expect(end(darwin, -1, 0)).toMatchObject({ eof: true, error: undefined });
  expect(end(darwin, -1, 9999)).toMatchObject({ error: 'E9999' });
});

test('detects EV_EOF beside other flags', () => {
  const flags = 0x8000 | 0x4000 | 0x0021;
  expect(
    decode(darwin, { ident: 5, filter: -1, flags, fflags: 0 }),
  ).toMatchObject({ eof: true });
});

test('a low-water or out-of-band note in fflags is not decoded as an error', () => {
  expect(
    decode(darwin, { ident: 5, filter: -1, flags: 1, fflags: 2, data: 1 }),
  ).toMatchObject({ eof: false, error: undefined });
  expect(
    decode(darwin, { ident: 5, filter: -15, flags: 1, fflags: 2, data: 1 }),
  ).toMatchObject({ filter: 'except', outOfBand: true, available: 1 });
});

test('the end of an exceptional condition is its error, and no data', () => {
  const eof = { ident: 5, filter: -15, flags: 0x8001 };
  // ECONNRESET has the bit of NOTE_OOB.
  expect(decode(darwin, { ...eof, fflags: 54 })).toMatchObject({
    filter: 'except',
    outOfBand: false,
    eof: true,
    error: 'ECONNRESET',
  });
  expect(decode(darwin, { ...eof, flags: 1, fflags: 2 })).toMatchObject({
    outOfBand: true,
    eof: false,
    error: undefined,
  });
  expect(decode(darwin, { ...eof, flags: 1, fflags: 0 })).toMatchObject({
    outOfBand: false,
  });
});

test('each note has its name, and no other', () => {
  const named = (facts: KernelFacts, filter: number, fflags: number) => {
    const event = decode(facts, { ident: 5, filter, fflags });
    return 'notes' in event ? event.notes : undefined;
  };
  const { EVFILT_VNODE, EVFILT_PROC } = freebsd.constants;
  const { NOTE_DELETE, NOTE_READ, NOTE_TRACK, NOTE_CHILD, NOTE_EXEC } =
    freebsd.constants;
  expect(named(freebsd, EVFILT_VNODE, NOTE_DELETE)).toEqual(['delete']);
  expect(named(freebsd, EVFILT_VNODE, NOTE_READ)).toEqual(['read']);
  expect(named(freebsd, EVFILT_VNODE, 0)).toEqual([]);
  expect(named(freebsd, EVFILT_PROC, NOTE_TRACK)).toEqual(['track']);
  expect(named(freebsd, EVFILT_PROC, NOTE_CHILD | NOTE_EXEC)).toEqual(
    expect.arrayContaining(['child', 'exec']),
  );
});

test('an exit is a code or a signal, never both', () => {
  const exited = (facts: KernelFacts, fflags: number, data: number) =>
    decode(facts, {
      ident: 77,
      filter: facts.constants.EVFILT_PROC,
      fflags,
      data,
    });
  const EXIT = 0x80000000;
  const STATUS = 0x04000000;
  expect(exited(darwin, EXIT | STATUS, 7 << 8)).toMatchObject({
    pid: 77,
    notes: ['exit', 'exitstatus'],
    exit: { code: 7, signal: null },
  });
  expect(exited(darwin, EXIT | STATUS, 9)).toMatchObject({
    exit: { code: null, signal: 'SIGKILL' },
  });
  expect(exited(darwin, EXIT | STATUS, 6 | 0x80)).toMatchObject({
    exit: { code: null, signal: 'SIGABRT' },
  });
  // Darwin reports no status unless it was requested: 0 is not code 0.
  expect(exited(darwin, EXIT, 0)).toMatchObject({
    notes: ['exit'],
    exit: undefined,
  });
  expect(exited(freebsd, EXIT, 0)).toMatchObject({
    exit: { code: 0, signal: null },
  });
  expect(exited(netbsd, 0x40000000, 0)).toMatchObject({
    notes: ['fork'],
    exit: undefined,
  });
});

test('the details of an exit are not notes', () => {
  const event = decode(darwin, {
    ident: 7,
    filter: -5,
    fflags: 0x86000000,
    data: 0x00020009,
  });
  expect(event).toMatchObject({
    notes: ['exit', 'exitstatus', 'exit_detail'],
    exit: { code: null, signal: 'SIGKILL' },
  });
});

test('unrequested or unknown bits of a vnode event do not throw', () => {
  expect(
    decode(darwin, { ident: 4, filter: -4, fflags: 0x80000011 }),
  ).toMatchObject({
    filter: 'vnode',
    notes: ['delete', 'link'],
    raw: { fflags: 0x80000011 },
  });
});

test('hides the control bits of the creating change of a user event', () => {
  expect(
    decode(darwin, { ident: 4, filter: -10, fflags: 0xc1000005 }),
  ).toMatchObject({ id: 4, fflags: 5 });
});

test('reports a signal without a name by number', () => {
  expect(decode(libkqueue, { ident: 10, filter: -6, data: 3 })).toMatchObject({
    signal: 'SIGUSR1',
    count: 3,
  });
  expect(decode(libkqueue, { ident: 40, filter: -6, data: 1 })).toMatchObject({
    signal: 40,
  });
});

test('a timer event hides the deprecated name of its count', () => {
  const event = decode(darwin, { ident: 1, filter: -7, data: 3 });
  expect(event).toMatchObject({ filter: 'timer', count: 3, expirations: 3 });
  expect(Object.keys(event)).toEqual(['filter', 'id', 'count', 'udata', 'raw']);
  expect(inspect(event)).toMatch(/^\{\s+filter: 'timer'/);
  expect(JSON.parse(JSON.stringify(event))).not.toHaveProperty('expirations');
});

test('an event of an unknown filter is decoded as raw', () => {
  expect(
    decode(darwin, { ident: 4, filter: -9, fflags: 8, data: 1 }),
  ).toMatchObject({ filter: 'raw', udata: 'value', raw: { filter: -9 } });
  expect(decode(darwin, { ident: 4, filter: -999 }).filter).toBe('raw');
  expect(decode(netbsd, { ident: 4, filter: 0xffffffff }).filter).toBe('raw');
});

test('an ident above 2**53 is not rounded', () => {
  expect(
    decode(darwin, { ident: 2n ** 63n + 1n, filter: -7, data: 1 }),
  ).toMatchObject({ filter: 'timer', id: 2n ** 63n + 1n, count: 1 });
});

describe('JSON.stringify of an event', () => {
  const parsed = (facts: KernelFacts, kevent: KeventInit): unknown =>
    JSON.parse(JSON.stringify(decode(facts, kevent)));

  test('writes exact numbers as numbers, all others in decimal digits', () => {
    const ident = 2n ** 64n - 1n;
    const user = { ident, filter: -10, data: -(2n ** 63n), udata: 2n ** 53n };
    expect(parsed(darwin, user)).toEqual({
      filter: 'user',
      id: '18446744073709551615',
      fflags: 0,
      udata: 'value',
      raw: {
        ident: '18446744073709551615',
        filter: -10,
        flags: 0,
        fflags: 0,
        data: '-9223372036854775808',
        udata: '9007199254740992',
      },
    });
    const read = { ident: 3, filter: -1, data: -12 };
    expect(parsed(darwin, read)).toMatchObject({ fd: 3, available: -12 });
  });

  test('serializes the value of the registration', () => {
    const withUdata = (udata: unknown): object => {
      const list = listFor(wordsOf(layoutOf(darwin, 'x64', 'kevent')), 1);
      list.push({ ident: 1, filter: -7, data: 1 });
      const memory = memoryOf(list, 'decode', 'list', 'a KeventList');
      return decoderOf(darwin).event(memory, 0, udata, 0);
    };
    const written = (udata: unknown): unknown =>
      JSON.parse(JSON.stringify(withUdata(udata))).udata;
    expect(written(2n ** 64n - 1n)).toBe('18446744073709551615');
    expect(written(5n)).toBe(5);
    expect(written(new Map([[1n, 2n]]))).toEqual({});
    expect(written({ at: new Date(0) })).toEqual({
      at: '1970-01-01T00:00:00.000Z',
    });
    expect(written([undefined, () => 1])).toEqual([null, null]);
    expect(written({ toJSON: () => 'own' })).toBe('own');
    expect(written(undefined)).toBeUndefined();
    expect(() => written({ nested: 1n })).toThrow(/BigInt/);
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(() => written(cycle)).toThrow(/circular/);
  });

  test('supports a replacer and an indent', () => {
    const event = decode(darwin, { ident: 1, filter: -7, data: 1 });
    expect(JSON.stringify([event], ['id', 'count'])).toBe(
      '[{"id":1,"count":1}]',
    );
  });
});
