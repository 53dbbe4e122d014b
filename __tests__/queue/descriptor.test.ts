import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import { fdOf, Kqueue, KqueueChangeError } from '../../src/index.js';

const CLOSED = /^Cannot find a descriptor as 'fd' must be/;

test('fdOf returns the descriptor of every kind of object, without a warning', async () => {
  const warnings: unknown[] = [];
  const onWarning = (warning: unknown) => warnings.push(warning);
  process.on('warning', onWarning);
  const dgram = createSocket('udp4');
  // It has a handle, but no descriptor before it is bound.
  expect(() => fdOf(dgram)).toThrow(CLOSED);
  dgram.bind(0, '127.0.0.1');
  const server = createServer().listen(0, '127.0.0.1');
  await Promise.all([once(dgram, 'listening'), once(server, 'listening')]);
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error();
  const client = connect(address.port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [Socket];
  await once(client, 'connect');
  const file = await open('/dev/null');
  const stream = createReadStream('/dev/null');
  expect(() => fdOf(stream)).toThrow(CLOSED);
  await once(stream, 'open');

  const found = [dgram, server, client, peer, file, stream].map(fdOf);
  expect(new Set(found).size).toBe(6);
  expect(found.every((fd) => Number.isInteger(fd) && fd > 2)).toBe(true);
  expect(fdOf(file)).toBe(file.fd);
  expect(fdOf(0)).toBe(0);
  expect(fdOf({ fd: 7 })).toBe(7);
  expect(fdOf(Object.create(ReadStream.prototype, { fd: { value: 9 } }))).toBe(
    9,
  );
  using kq = new Kqueue();
  kq.add({ filter: 'read', fd: dgram }, { filter: 'read', fd: server });

  dgram.close();
  server.close();
  client.destroy();
  peer.destroy();
  stream.destroy();
  await Promise.all([file.close(), once(stream, 'close')]);
  await nextTurn();
  for (const closed of [dgram, server, client, peer, file, stream]) {
    expect(() => fdOf(closed)).toThrow(TypeError);
    expect(() => fdOf(closed)).toThrow(CLOSED);
  }
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

test('fdOf rejects an object without a descriptor', () => {
  const foreign = [
    null,
    undefined,
    '0',
    1n,
    {},
    [],
    () => 1,
    new Map(),
    { fd: null },
  ];
  for (const value of [...foreign, { fd: -1 }, { _handle: null }]) {
    expect(() => fdOf(value as never)).toThrow(TypeError);
    expect(() => fdOf(value as never)).toThrow(CLOSED);
  }
  for (const value of [-1, 1.5, Number.NaN, 2 ** 31]) {
    expect(() => fdOf(value)).toThrow(RangeError);
  }
  const foreignState = { [Symbol('state symbol')]: null };
  expect(() => fdOf(foreignState as never)).toThrow(CLOSED);
});

test('each method rejects a change that is no object', () => {
  using kq = new Kqueue();
  const methods = ['add', 'modify', 'enable', 'disable', 'delete'] as const;
  for (const value of [null, 5, 'x']) {
    const message = "Cannot change a queue as 'change' must be an object";
    for (const op of methods) {
      expect(() => kq[op](value as never)).toThrow(message);
    }
    expect(() => kq.apply([value as never])).toThrow(message);
  }
});

test('the error of refused changes has its own name', () => {
  using kq = new Kqueue();
  let error: unknown;
  try {
    kq.delete({ filter: 'user', id: 1 });
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(KqueueChangeError);
  expect(error).toMatchObject({ name: 'KqueueChangeError', code: 'ENOENT' });
  expect(String(error)).toMatch(
    /^KqueueChangeError: kevent ENOENT: delete user 1/,
  );
  expect((error as KqueueChangeError).failures[0].error.name).toBe(
    'KqueueError',
  );
});

test.each(['add', 'modify', 'enable', 'disable', 'delete'] as const)(
  '%s rejects an array of changes with what to write instead',
  (op) => {
    using kq = new Kqueue();
    const changes: unknown = [{ filter: 'user', id: 1 }];
    const spread = /received an array; changes are arguments.*\.\.\.changes$/;
    expect(() => kq[op](changes as never)).toThrow(TypeError);
    expect(() => kq[op](changes as never)).toThrow(spread);
    expect(() => kq.apply([changes as never])).toThrow(spread);
  },
);
