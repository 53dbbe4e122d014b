import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { FdLike } from '../../src/index.js';
import * as api from '../../src/index.js';
import * as libc from '../conformance/libc.js';
import { printedBy } from '../support/child.js';
import { onLinux, openCount } from '../support/fds.js';

let fds: number[] = [];
const opened: { close(): void }[] = [];

// An iterator that is left to the garbage collector would end, and with it its
// descriptors, in the middle of another test.
const kept = <T extends { close(): void }>(iterator: T): T => {
  opened.push(iterator);
  return iterator;
};

const readable = (fd: FdLike) => kept(api.readable(fd));
const writable = (fd: FdLike) => kept(api.writable(fd));

/** The two ends of a pipe. */
function pipe(): readonly [number, number] {
  const ends = libc.pipe();
  fds.push(...ends);
  return ends;
}

const shut = (fd: number): void => {
  fds = fds.filter((other) => other !== fd);
  closeSync(fd);
};

afterEach(() => {
  for (const iterator of opened.splice(0)) iterator.close();
  for (const fd of fds.splice(0)) closeSync(fd);
});

const read = (fd: number, size: number): string => {
  const buffer = Buffer.alloc(size);
  return buffer.toString('utf8', 0, readSync(fd, buffer));
};

describe('a named FIFO', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fifo-'));
  const path = join(folder, 'fifo');
  beforeAll(() => execFileSync('mkfifo', [path]));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Open it at both sides. */
  function open(): readonly [reader: number, writer: number] {
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    fds.push(reader, writer);
    return [reader, writer];
  }

  onLinux(
    'ends the iterator of the reader once the writer has closed',
    async () => {
      const [reader, writer] = open();
      using events = readable(reader);
      const waiting = events.next();
      writeSync(writer, 'hello');
      expect((await waiting).value).toMatchObject({ available: 5, eof: false });
      shut(writer);
      const { value } = await events.next();
      expect(value).toMatchObject({ available: 5, eof: true });
      read(reader, 100);
      expect(await events.next()).toEqual({
        done: false,
        value: { fd: reader, available: 0, eof: true, error: undefined },
      });
      expect(await events.next()).toEqual({ done: true, value: undefined });
    },
  );

  onLinux('ends a pending wait of either side', async () => {
    const [reader, writer] = open();
    const [first, last] = [readable(reader), readable(reader)];
    const waiting = [first.next(), last.next()];
    first.close();
    shut(writer);
    expect((await waiting[0]).done).toBe(true);
    expect((await waiting[1]).value).toMatchObject({ eof: true });
    shut(reader);
    const [otherReader, otherWriter] = open();
    shut(otherReader);
    const { value } = await writable(otherWriter).next();
    expect(value).toMatchObject({ eof: true });
  });

  onLinux('does not report the EOF of a pipe at its number', async () => {
    const [reader] = open();
    using events = readable(reader);
    const waiting = events.next({ timeout: 50 });
    shut(reader);
    const [other, writer] = pipe();
    expect(other).toBe(reader);
    shut(writer);
    expect(await waiting).toEqual({ done: false, value: undefined });
  });
});

describe('readable', () => {
  test('reports how many bytes can be read', async () => {
    const [reader, writer] = pipe();
    const waiting = readable(reader).next();
    await turn();
    writeSync(writer, 'hello');
    expect(await waiting).toEqual({
      done: false,
      value: { fd: reader, available: 5, eof: false, error: undefined },
    });
  });

  test('hides the deprecated name of `available`', async () => {
    const [reader, writer] = pipe();
    writeSync(writer, 'hello');
    const { value } = await readable(reader).next();
    expect(value?.bytes).toBe(5);
    expect(Object.keys(value ?? {})).toEqual([
      'fd',
      'available',
      'eof',
      'error',
    ]);
    expect(inspect(value)).toMatch(/^\{ fd/);
  });

  test('reports in every turn of the event loop until the data is read', async () => {
    const [reader, writer] = pipe();
    writeSync(writer, 'hello');
    const seen: unknown[] = [];
    for await (const { available } of readable(reader)) {
      seen.push(available);
      if (seen.length === 2) read(reader, 3);
      if (seen.length === 4) break;
    }
    expect(seen).toEqual([5, 5, 2, 2]);
  });

  test('waits until there is more data', async () => {
    const [reader, writer] = pipe();
    using events = readable(reader);
    for (let i = 1; i <= 20; i++) {
      const waiting = events.next();
      if (i % 2 === 0) await turn();
      writeSync(writer, '.'.repeat(i));
      expect((await waiting).value?.available).toBe(i);
      read(reader, 100);
    }
  });

  test('ends when all data is read and the writers have closed', async () => {
    const [reader, writer] = pipe();
    writeSync(writer, 'hello');
    shut(writer);
    let text = '';
    const ends: unknown[] = [];
    for await (const { available, eof } of readable(reader)) {
      if (available > 0) text += read(reader, 4);
      ends.push([available, eof]);
    }
    expect(text).toBe('hello');
    expect(ends).toEqual([
      [5, true],
      [1, true],
      [0, true],
    ]);
  });

  test('accepts a socket', async () => {
    const server = createServer((socket) => socket.end('hello')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket: Socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    const { value } = await writable(socket).next();
    expect(value?.space).toBeGreaterThan(0);
    for await (const { eof } of readable(socket)) if (eof) break;
    socket.destroy();
    server.close();
    expect(() => readable(socket)).toThrow(TypeError);
  });

  test('does not starve timers while bytes stay unread', async () => {
    const [reader, writer] = pipe();
    writeSync(writer, '.');
    let isOver = false;
    const LIMIT = 1_000_000;
    let events = 0;
    for await (const { bytes } of readable(reader)) {
      expect(bytes).toBe(1);
      if (isOver || ++events === LIMIT) break;
      if (events > 1) continue;
      setTimeout(() => {
        isOver = true;
      }, 5);
    }
    expect(isOver).toBe(true);
  });
});

describe('readable of a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  const path = join(folder, 'file');
  afterAll(() => rmSync(folder, { recursive: true }));

  test('reports how far it was truncated, and continues when it grows', async () => {
    writeFileSync(path, 'hello');
    const fd = openSync(path, 'r');
    fds.push(fd);
    using events = readable(fd);
    const available = async () => (await events.next()).value?.available;
    expect(await available()).toBe(5);
    expect(read(fd, 5)).toBe('hello');
    truncateSync(path, 2);
    // Level-triggered: until it is read from elsewhere.
    expect([await available(), await available()]).toEqual([-3, -3]);
    expect(read(fd, 5)).toBe('');
    appendFileSync(path, 'lo, you');
    expect(await available()).toBe(4);
    expect(read(fd, 10)).toBe(' you');
  });

  test('reports the size of a file that is larger than memory', async () => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 43);
    const fd = openSync(path, 'r');
    fds.push(fd);
    using events = readable(fd);
    expect((await events.next()).value?.available).toBe(2 ** 43);
  });
});

describe('writable', () => {
  test('reports how many bytes can be written', async () => {
    const [reader, writer] = pipe();
    const { value } = await writable(writer).next();
    expect(value).toEqual({
      fd: writer,
      space: expect.any(Number),
      eof: false,
      error: undefined,
    });
    writeSync(writer, Buffer.alloc(value?.space ?? 0));
    const waiting = writable(writer).next();
    const first = await Promise.race([
      waiting,
      turn().then(() => turn('still full')),
    ]);
    expect(first).toBe('still full');
    read(reader, 65_536);
    expect((await waiting).value?.space).toBeGreaterThan(0);
  });

  test('ends when the readers have closed', async () => {
    const [reader, writer] = pipe();
    shut(reader);
    const ends: unknown[] = [];
    for await (const { eof } of writable(writer)) ends.push(eof);
    expect(ends).toEqual([true]);
  });
});

describe('a descriptor', () => {
  test('accepts several waits in both directions', async () => {
    const [reader, writer] = pipe();
    const waits = Array.from({ length: 5 }, () => readable(reader).next());
    const space = await writable(writer).next();
    expect(space.value?.space).toBeGreaterThan(0);
    writeSync(writer, 'hello');
    const values = (await Promise.all(waits)).map(
      ({ value }) => value?.available,
    );
    expect(values).toEqual([5, 5, 5, 5, 5]);
  });

  test('that is closed fails with EBADF', async () => {
    const [reader, writer] = pipe();
    const events = readable(reader);
    writeSync(writer, '.');
    await events.next();
    shut(reader);
    await expect(events.next()).rejects.toMatchObject({ code: 'EBADF' });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    await expect(readable(reader).next()).rejects.toMatchObject({
      code: 'EBADF',
    });
  });

  test('that was closed before fails with EBADF, although a queue would take its number', async () => {
    const [reader, writer] = pipe();
    shut(reader);
    shut(writer);
    for (const events of [readable(reader), writable(writer)]) {
      await expect(events.next()).rejects.toMatchObject({
        code: 'EBADF',
        syscall: 'kevent',
        message: expect.stringMatching(/^kevent EBADF: add (read|write) \d+$/),
      });
    }
  });

  test('can be closed after its iterator', async () => {
    const [reader, writer] = pipe();
    const events = readable(reader);
    const waiting = events.next();
    events.close();
    shut(reader);
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(events.closed).toBe(true);
    shut(writer);
  });

  test.each<[unknown, ErrorConstructor]>([
    [-1, RangeError],
    [1.5, RangeError],
    [Number.NaN, RangeError],
    ['0', TypeError],
    [undefined, TypeError],
    [{}, TypeError],
  ])('is rejected if it is %p', (fd, kind) => {
    expect(() => readable(fd as FdLike)).toThrow(kind);
    expect(() => writable(fd as FdLike)).toThrow(kind);
  });
});

onLinux('a hundred pipes share one queue', async () => {
  const pipes = Array.from({ length: 100 }, pipe);
  const before = openCount();
  const iterators = pipes.map(([reader]) => readable(reader));
  const waits = iterators.map((events) => events.next());
  expect(openCount() - before).toBeLessThan(8);
  for (const [, writer] of pipes) writeSync(writer, '.');
  for (const wait of waits) expect((await wait).value?.available).toBe(1);
  for (const events of iterators) events.close();
  expect(openCount()).toBe(before);
});

test('garbage-collected iterators leave no descriptor open', async () => {
  expect(
    await printedBy('helpers/readiness', 'forgottenWrites', {
      flags: ['--expose-gc'],
    }),
  ).toEqual([true, true]);
});
