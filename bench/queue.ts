/**
 * What the typed queue costs: how long it takes from an event to who waits for
 * it, against a stream of Node's own and against epoll_wait itself; and how
 * many events a second go through each way of taking them.
 *
 * Run it with `tsx bench/queue.ts [seconds]`, on a machine that does nothing
 * else: ratios mean something, absolute times do not.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { KeventList, Kqueue, kernel, kevent } from 'kqueue-ffi';

const SECONDS = Number(process.argv[2] ?? 1);
const ROUNDS = 5;
const BATCH = 64;

// ---- the other process: sends back what it gets ----------------------------

function serve(): void {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('data', (data) => socket.write(data));
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
  process.on('disconnect', () => process.exit());
}

const fdOf = (socket: Socket): number =>
  (socket as unknown as { _handle: { fd: number } })._handle.fd;

async function open(port: number, paused: boolean): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  if (paused) socket.pause();
  await once(socket, 'connect');
  return socket;
}

// ---- measuring ------------------------------------------------------------

const byte = Buffer.from('x');
const into = Buffer.alloc(16);

interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** Microseconds from sending a byte to having it back, many times. */
async function roundTrips(trip: () => Promise<void> | void): Promise<Latency> {
  const times: number[] = [];
  const end = performance.now() + (SECONDS * 1000) / ROUNDS;
  while (performance.now() < end) {
    const before = process.hrtime.bigint();
    const pending = trip();
    if (pending !== undefined) await pending;
    times.push(Number(process.hrtime.bigint() - before) / 1000);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(times.length * part)];
  return { p50: at(0.5), p99: at(0.99) };
}

const median = (values: number[]): number =>
  values.sort((a, b) => a - b)[values.length >> 1];

// ---- latency ---------------------------------------------------------------

/** A wait for a descriptor in epoll_wait itself, through the same FFI. */
function epollWaiter(fd: number): (() => void) | undefined {
  if (process.platform !== 'linux') return undefined;
  const koffi = createRequire(import.meta.url)('koffi');
  const libc = koffi.load(null);
  const create = libc.func('int epoll_create1(int)');
  const control = libc.func('int epoll_ctl(int, int, int, void *)');
  const wait = libc.func('int epoll_wait(int, void *, int, int)');
  const ep = create(0);
  const event = Buffer.alloc(16);
  event.writeUInt32LE(1, 0);
  control(ep, 1, fd, event);
  const events = Buffer.alloc(256);
  return () => {
    while (wait(ep, events, 8, 1000) < 1);
  };
}

async function latency(port: number): Promise<void> {
  const flowing = await open(port, false);
  const paused = await open(port, true);
  const fd = fdOf(paused);
  const send = (): void => {
    writeSync(fd, byte);
  };

  const kq = new Kqueue();
  kq.add({ filter: 'read', fd });
  const list = new KeventList(8);
  const iterator = kq[Symbol.asyncIterator]();
  const epoll = epollWaiter(fd);

  const trips: Record<string, () => Promise<void> | void> = {
    'net.Socket, data': () =>
      new Promise<void>((resolve) => {
        flowing.once('data', () => resolve());
        flowing.write(byte);
      }),
    'Kqueue, await next()': async () => {
      send();
      await kq.next();
      readSync(fd, into);
    },
    'Kqueue, for await': async () => {
      send();
      await iterator.next();
      readSync(fd, into);
    },
    'Kqueue, wait()': () => {
      send();
      kq.wait();
      readSync(fd, into);
    },
    'kevent, blocking': () => {
      send();
      kevent(kq.fd, null, list);
      readSync(fd, into);
    },
  };
  if (epoll !== undefined) {
    trips['epoll_wait, blocking'] = () => {
      send();
      epoll();
      readSync(fd, into);
    };
  }

  const results = new Map<string, Latency[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, trip] of Object.entries(trips)) {
      const all = results.get(name) ?? [];
      all.push(await roundTrips(trip));
      results.set(name, all);
    }
  }
  console.log('\nround trip of a byte to another process (µs)   p50    p99');
  for (const [name, all] of results) {
    const p50 = median(all.map((one) => one.p50)).toFixed(1);
    const p99 = median(all.map((one) => one.p99)).toFixed(1);
    console.log(`  ${name.padEnd(42)}${p50.padStart(6)} ${p99.padStart(6)}`);
  }
  kq.close();
  flowing.destroy();
  paused.destroy();
}

// ---- throughput ------------------------------------------------------------

/** Events a second. */
async function rate(take: () => Promise<number> | number): Promise<number> {
  const start = performance.now();
  const end = start + (SECONDS * 1000) / ROUNDS;
  let events = 0;
  while (performance.now() < end) {
    for (let i = 0; i < 16; i++) {
      const taken = take();
      events += typeof taken === 'number' ? taken : await taken;
    }
  }
  return events / ((performance.now() - start) / 1000);
}

async function throughput(): Promise<void> {
  const pong = new Kqueue();
  pong.add({ filter: 'user', id: 1 });
  const many = new Kqueue();
  for (let id = 0; id < BATCH; id++) {
    many.add({ filter: 'user', id, clear: false });
    many.trigger(id);
  }
  const list = new KeventList(BATCH);
  const iterator = many[Symbol.asyncIterator]();
  const batches = many.events({ max: BATCH });
  const sum = (n: number): number => {
    let total = 0;
    for (let i = 0; i < n; i++) total += list.fflags(i);
    return n + total;
  };

  const ways: Record<string, () => Promise<number> | number> = {
    'ping-pong, await next()': async () => {
      pong.trigger(1);
      await pong.next();
      return 1;
    },
    'ping-pong, poll()': () => {
      pong.trigger(1);
      return pong.poll().length;
    },
    '64 ready, kevent and readers': () => sum(kevent(many.fd, null, list, 0)),
    '64 ready, fill()': () => sum(many.fill(list, 0)),
    '64 ready, poll()': () => many.poll().length,
    '64 ready, for await': async () => {
      for (let i = 0; i < BATCH; i++) await iterator.next();
      return BATCH;
    },
    '64 ready, events()': async () => (await batches.next()).value?.length ?? 0,
    '64 ready, on()': () =>
      new Promise((resolve) => {
        let count = 0;
        const subscription = many.on((events) => {
          count += events.length;
          if (count < 16 * BATCH) return;
          subscription.stop();
          resolve(count);
        });
      }),
  };

  const results = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, take] of Object.entries(ways)) {
      const all = results.get(name) ?? [];
      all.push(await rate(take));
      results.set(name, all);
    }
  }
  console.log('\nthroughput (events a second)');
  for (const [name, all] of results) {
    const perSecond = Math.round(median(all)).toLocaleString('en-US');
    console.log(`  ${name.padEnd(42)}${perSecond.padStart(13)}`);
  }
  pong.close();
  many.close();
}

async function main(): Promise<void> {
  const server = fork(fileURLToPath(import.meta.url), ['serve']);
  const [{ port }] = await once(server, 'message');
  console.log(`${kernel.name}, node ${process.versions.node}`);
  await latency(port);
  await throughput();
  server.disconnect();
}

if (process.argv[2] === 'serve') serve();
else await main();
