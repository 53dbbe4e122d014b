#!/usr/bin/env node
// The core of the package, tried in whatever runtime runs this file: the three
// calls, lists, every filter there is, the typed queue, the helpers, a worker.
// It needs the built package in dist/. A line for each, then one of JSON.
//
//   node scripts/runtime-core.mjs      bun scripts/runtime-core.mjs
//   deno run -A scripts/runtime-core.mjs
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import * as api from '../dist/index.js';

/** An emulator runs this: it takes so many times as long. */
const SLOWNESS = process.env.KQUEUE_FFI_EMULATED ? 6 : 1;
/** Milliseconds after which something that does not end has failed. */
const LIMIT = 10_000 * SLOWNESS;
/** Milliseconds to wait for an event that is due at once. */
const SOON = 5000 * SLOWNESS;

const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-core-'));

/** Use a queue and close it. */
function withQueue(use) {
  const kq = api.kqueue();
  try {
    return use(kq);
  } finally {
    api.close(kq);
  }
}

/** Register one kevent, act, and collect its events. */
const eventOf = (change, happen) =>
  withQueue((kq) => {
    api.kevent(kq, [{ flags: api.EV_ADD, ...change }], null);
    happen?.(kq);
    const list = new api.KeventList(4);
    assert.ok(untilTold(kq, list, SOON) >= 1);
    return list.get(0);
  });

/** A call that continues after a signal, such as SIGCHLD. */
function untilTold(kq, list, timeout) {
  const deadline = performance.now() + timeout;
  for (;;) {
    try {
      const left = Math.max(0, deadline - performance.now());
      return api.kevent(kq, null, list, left);
    } catch (error) {
      if (error.code !== 'EINTR') throw error;
    }
  }
}

/** A FIFO that is open for both sides. */
function withFifo(use) {
  const path = join(folder, `fifo-${Math.random()}`);
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const done = () => closeSync(fd);
  const result = use(fd);
  if (result instanceof Promise) return result.finally(done);
  done();
  return result;
}

const first = async (iterator) => {
  for await (const value of iterator) return value;
  return undefined;
};

const cases = {
  'kqueue, kevent, close': () => {
    const kq = api.kqueue();
    assert.equal(api.kevent(kq, null, new api.KeventList(1), 0), 0);
    api.close(kq);
    assert.throws(() => api.kevent(kq, null, null), { code: 'EBADF' });
  },
  'lists keep all 64 bits': () => {
    const udata = 2n ** 64n - 2n;
    const ident = 2n ** 53n + 1n;
    const list = api.KeventList.of({ ident, filter: api.EVFILT_USER, udata });
    assert.equal(list.identBigInt(0), ident);
    assert.equal(list.udataBigInt(0), udata);
  },
  'misuse is an error before the call': () => {
    assert.throws(() => api.close(Number.NaN), RangeError);
    assert.throws(() => api.kevent('3', null, null), TypeError);
  },
  EVFILT_USER: () => {
    const user = { ident: 7, filter: api.EVFILT_USER };
    const event = eventOf(user, (kq) =>
      api.kevent(kq, [{ ...user, fflags: api.NOTE_TRIGGER }], null),
    );
    assert.equal(event.ident, 7);
  },
  EVFILT_TIMER: () => {
    const event = eventOf({ ident: 1, filter: api.EVFILT_TIMER, data: 20 });
    assert.ok(Number(event.data) >= 1);
  },
  EVFILT_READ: () =>
    withFifo((fd) => {
      writeSync(fd, 'hello');
      const event = eventOf({ ident: fd, filter: api.EVFILT_READ });
      assert.equal(event.data, 5);
    }),
  EVFILT_WRITE: () =>
    withFifo((fd) => {
      const event = eventOf({ ident: fd, filter: api.EVFILT_WRITE });
      assert.ok(event.data > 0);
    }),
  EVFILT_VNODE: () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'a');
    const fd = openSync(path, 'r');
    const fflags = api.NOTE_WRITE | api.NOTE_EXTEND;
    const change = { ident: fd, filter: api.EVFILT_VNODE, fflags };
    const flags = api.EV_ADD | api.EV_CLEAR;
    const event = eventOf({ ...change, flags }, () =>
      appendFileSync(path, 'b'),
    );
    closeSync(fd);
    assert.ok((event.fflags & api.NOTE_WRITE) !== 0);
  },
  EVFILT_PROC: () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const fflags = api.NOTE_EXIT;
    const change = { ident: child.pid, filter: api.EVFILT_PROC, fflags };
    assert.equal(eventOf(change, () => child.kill()).ident, child.pid);
  },
  EVFILT_SIGNAL: async () => {
    const kq = new api.Kqueue();
    // Elsewhere than on Linux a registration alone does not catch it.
    kq.add({ filter: 'signal', signal: 'SIGUSR2', catch: true });
    process.kill(process.pid, 'SIGUSR2');
    const event = await kq.next({ timeout: SOON });
    kq.close();
    assert.equal(event?.signal, 'SIGUSR2');
  },
  'a signal in a call that blocks': () => {
    const signal = process.platform === 'linux' ? 12 : 31; // SIGUSR2
    process.on('SIGUSR2', () => {});
    const event = eventOf({ ident: signal, filter: api.EVFILT_SIGNAL }, () =>
      process.kill(process.pid, 'SIGUSR2'),
    );
    assert.ok(event.data >= 1);
  },
  'a queue in a queue': () =>
    withQueue((inner) => {
      const user = { ident: 1, filter: api.EVFILT_USER };
      api.kevent(inner, [{ ...user, flags: api.EV_ADD }], null);
      const event = eventOf({ ident: inner, filter: api.EVFILT_READ }, () =>
        api.kevent(inner, [{ ...user, fflags: api.NOTE_TRIGGER }], null),
      );
      assert.equal(event.ident, inner);
    }),
  'the typed queue, blocking': () => {
    const kq = new api.Kqueue();
    kq.add({ filter: 'timer', id: 1, after: 10, udata: 'now' });
    const [event] = kq.wait({ timeout: SOON });
    kq.close();
    assert.equal(event?.udata, 'now');
  },
  'the typed queue, awaited': async () => {
    const kq = new api.Kqueue();
    kq.add({ filter: 'timer', id: 1, every: 10 });
    let ticks = 0;
    for await (const event of kq) {
      ticks += event.count;
      if (ticks >= 3) break;
    }
    kq.close();
  },
  'a wait that is aborted': async () => {
    const kq = new api.Kqueue();
    const wait = kq.next({ signal: AbortSignal.timeout(20) });
    await assert.rejects(wait, { name: 'TimeoutError' });
    kq.close();
  },
  interval: async () => {
    const { count } = await first(api.interval(10));
    assert.ok(count >= 1);
  },
  exited: async () => {
    const child = spawn('sh', ['-c', 'exit 3'], { stdio: 'ignore' });
    try {
      await api.exited(child.pid, { timeout: SOON });
    } catch (error) {
      // It may have exited before it was checked.
      assert.equal(error.code, 'ESRCH');
    }
  },
  watchFile: async () => {
    // Repeatedly: some runtimes call back for a descriptor that was closed
    // meanwhile.
    for (let i = 0; i < 20; i++) {
      const path = join(folder, `watched ${i}`);
      const events = api.watchFile(path);
      writeFileSync(path, 'a');
      assert.equal((await first(events)).type, 'created');
    }
  },
  readable: () =>
    withFifo(async (fd) => {
      const ready = api.readable(fd).next();
      writeSync(fd, 'hello');
      assert.equal((await ready).value.available, 5);
      readSync(fd, Buffer.alloc(5));
    }),
  writable: () =>
    withFifo(async (fd) => {
      assert.ok((await api.writable(fd).next()).value.space > 0);
    }),
  signals: async () => {
    const hangups = api.signals('SIGUSR2');
    process.kill(process.pid, 'SIGUSR2');
    assert.equal((await first(hangups)).signal, 'SIGUSR2');
  },
  'a queue in a worker thread': async () => {
    const source = `
      import { parentPort } from 'node:worker_threads';
      import { Kqueue } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
      const kq = new Kqueue();
      kq.add({ filter: 'timer', id: 1, after: 10 });
      const event = await kq.next({ timeout: ${SOON} });
      kq.close();
      parentPort.postMessage(event?.filter);
    `;
    const file = join(folder, 'worker.mjs');
    writeFileSync(file, source);
    const worker = new Worker(file);
    const message = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    assert.equal(message, 'timer');
  },
  'the doctor': async () => {
    const { ok, findings } = await api.doctor();
    const wrong = findings.filter((finding) => !finding.ok);
    assert.ok(ok, JSON.stringify(wrong));
  },
};

/** Known gaps of a runtime: see docs/runtimes.md. */
const LACKS =
  'Bun' in globalThis || 'Deno' in globalThis
    ? ['a signal in a call that blocks']
    : [];

const results = [];
for (const [name, run] of Object.entries(cases)) {
  let timer;
  const late = new Promise((_, reject) => {
    const fail = () => reject(new Error(`nothing after ${LIMIT} ms`));
    timer = setTimeout(fail, LIMIT);
  });
  try {
    await Promise.race([run(), late]);
    results.push({ name, ok: true });
  } catch (error) {
    const reason = String(error?.message ?? error).split('\n')[0];
    results.push({ name, ok: false, lacks: LACKS.includes(name), reason });
  }
  clearTimeout(timer);
  const { ok, lacks, reason } = results.at(-1);
  const word = ok ? 'ok    ' : lacks ? 'lacks ' : 'FAILED';
  console.log(`${word} ${name}${ok ? '' : `: ${reason}`}`);
}
rmSync(folder, { recursive: true, force: true });

const kq = new api.Kqueue();
const { driver } = kq;
kq.close();
const { runtime, release, libc } = await api.doctor();
const where = { kernel: api.kernel.name, release, runtime, libc };
console.log(JSON.stringify({ kind: 'core', driver, ...where, results }));
process.exit(results.every(({ ok, lacks }) => ok || lacks) ? 0 : 1);
