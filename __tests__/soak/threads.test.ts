// Threads and queues: what belongs to whom, who can wake whom, and that a
// thread leaves nothing behind however it ends. More: linux-threads.test.ts.
import { entry, literal, printed } from '../support/child.js';
import { onLinux } from '../support/fds.js';

/** `start(body, data)` makes a worker that has the package as `api`. */
const PRELUDE = `
const { Worker } = require('node:worker_threads');
const { once } = require('node:events');
const { execFileSync } = require('node:child_process');
const { closeSync, constants, mkdtempSync, openSync, readdirSync, rmSync, writeSync } = require('node:fs');
const { join } = require('node:path');
const open = () => readdirSync('/proc/self/fd').length;
const start = (body, workerData) => new Worker(
  "const { parentPort, workerData } = require('node:worker_threads');" +
  "const { closeSync, openSync, readSync } = require('node:fs');" +
  "const api = require(" + ${literal(literal(entry))} + ");" +
  "const say = (value) => parentPort.postMessage(value);" +
  "const failed = (act) => { try { act(); return null; } catch ({ code, message }) { return { code, message }; } };" +
  body,
  { eval: true, workerData });
const told = async (worker) => (await once(worker, 'message'))[0];
`;

const inChild = (script: string): Promise<unknown[]> =>
  printed(`${PRELUDE}(async () => {${script}})();`);

onLinux('a queue that another thread uses says whose it is', async () => {
  const [list, typed, mine] = await inChild(`
    const kq = new api.Kqueue();
    kq.add({ filter: 'user', id: 1 });
    const worker = start(\`
      const list = new api.KeventList(1);
      say([
        failed(() => api.kevent(workerData, null, list, 0)),
        failed(() => api.Kqueue.fromFd(workerData)),
      ]);\`, kq.fd);
    const [list, typed] = await told(worker);
    print(list);
    print(typed);
    kq.trigger(1);
    print(kq.poll().length);
    kq.close();`);
  const whose = {
    code: 'EBADF',
    message: expect.stringMatching(
      /^kevent EBADF: descriptor \d+ is no queue of this thread; a queue belongs to the thread/,
    ),
  };
  expect(list).toEqual(whose);
  expect(typed).toEqual(whose);
  expect(mine).toBe(1);
});

onLinux('a descriptor that is no queue at all is EBADF alone', async () => {
  const messages = await inChild(`
    const change = { ident: 999, filter: api.EVFILT_READ, flags: api.EV_ADD };
    const kq = api.kqueue();
    for (const [fd, changes] of [[0, null], [998, null], [kq, [change]]]) {
      try { api.kevent(fd, changes, null); } catch (error) { print(error.message); }
    }`);
  expect(messages).toEqual(['kevent EBADF', 'kevent EBADF', 'kevent EBADF']);
});

onLinux('a thread leaves no descriptor, however it ends', async () => {
  const [leaked] = await inChild(`
    const body = \`
      const kq = new api.Kqueue();
      const other = api.kqueue();
      kq.add(
        { filter: 'timer', id: 1, every: 1 },
        { filter: 'proc', pid: process.pid, notes: 'exit' },
        { filter: 'vnode', fd: openSync('/tmp', 'r'), notes: 'write' });
      kq.on(() => {});
      say('ready');
      if (workerData === 'exit') setTimeout(() => process.exit(), 2);
      if (workerData === 'leave') kq.unref();
      if (workerData === 'throw') setTimeout(() => { throw 1; }, 2);
      if (workerData === 'blocked') { kq.disable({ filter: 'timer', id: 1 }); kq.wait(); }\`;
    const end = async (how) => {
      const worker = start(body, how);
      worker.on('error', () => {});
      const exited = new Promise((resolve) => worker.once('exit', resolve));
      // Not \`once\`: an error may overtake the message.
      const ready = new Promise((resolve) => worker.once('message', resolve));
      await Promise.race([ready, exited]);
      if (how === 'terminate' || how === 'blocked') await worker.terminate();
      await exited;
    };
    await end('leave');
    const before = open();
    for (const how of ['terminate', 'exit', 'leave', 'throw', 'blocked']) {
      for (let i = 0; i < 3; i++) await end(how);
    }
    print(open() - before);`);
  expect(leaked).toBe(0);
});

onLinux(
  'what a thread closes is not closed once more when it ends',
  async () => {
    const [codes, warnings] = await inChild(`
      let warnings = 0;
      process.on('warning', () => warnings++);
      const worker = start(\`
        const kq = new api.Kqueue();
        const fd = openSync('/dev/null');
        api.close(fd);
        say(failed(() => api.close(fd)).code);
        parentPort.once('message', () => kq.close());
        say(fd);\`);
      const messages = [];
      worker.on('message', (message) => messages.push(message));
      while (messages.length < 2) await once(worker, 'message');
      const [code, fd] = messages;
      // Now this thread has the number.
      const mine = openSync('/dev/null');
      worker.postMessage('end');
      await once(worker, 'exit');
      print([code, mine === fd, writable(mine)]);
      print(warnings);
      function writable(fd) {
        try { closeSync(fd); return true; } catch { return false; }
      }`);
    expect(codes).toEqual(['EBADF', true, true]);
    expect(warnings).toBe(0);
  },
);

onLinux('a thread that sleeps in a call is woken through a pipe', async () => {
  const [woken] = await inChild(`
    const folder = mkdtempSync('/tmp/kqueue-ffi-');
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const worker = start(\`
      const kq = new api.Kqueue();
      const fd = openSync(workerData, 'r');
      kq.add({ filter: 'read', fd });
      say('sleeping');
      let bytes = 0;
      while (bytes < 3) {
        for (const event of kq.wait()) bytes += readSync(fd, Buffer.alloc(1));
      }
      kq.close();
      closeSync(fd);
      say(bytes);\`, fifo);
    await once(worker, 'message');
    for (let i = 0; i < 3; i++) writeSync(fd, 'x');
    print(await told(worker));
    closeSync(fd);
    rmSync(folder, { recursive: true });`);
  expect(woken).toBe(3);
});

onLinux(
  'a thread that sleeps for ever in a call can be terminated, and ends with the process',
  async () => {
    const body = `
      const kq = api.kqueue();
      say('sleeping');
      api.kevent(kq, null, new api.KeventList(1));`;
    const [codes] = await inChild(`
      const body = ${literal(body)};
      const workers = [start(body), start(body), start(body)];
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      print(await Promise.all(workers.map((worker) => worker.terminate())));
      const last = start(body);
      await once(last, 'message');
      process.exit(0);`);
    expect(codes).toEqual([1, 1, 1]);
  },
);

onLinux(
  'a long wait of a thread ends at its time, though it sleeps in pieces',
  async () => {
    const [waits] = await inChild(`
      const worker = start(\`
        const kq = new api.Kqueue();
        say([30, 130, 350].map((timeout) => {
          const start = performance.now();
          kq.wait({ timeout });
          return performance.now() - start - timeout;
        }));
        kq.close();\`);
      print(await told(worker));`);
    for (const late of waits as number[]) {
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(1000);
    }
  },
);

onLinux(
  'a queue closed by another thread while it is waited for harms nobody',
  async () => {
    const [closed, error, next] = await inChild(`
      const kq = new api.Kqueue();
      const waiting = kq.next({ timeout: 200 });
      const worker = start(\`say(failed(() => api.close(workerData)));\`, kq.fd);
      // Its last message may come together with its end.
      const ended = once(worker, 'exit');
      print(await told(worker));
      await ended;
      // The wait is not woken; the next look says what has happened.
      await waiting.catch(() => {});
      try { kq.poll(); print('none'); } catch (error) { print(error.code); }
      kq.close();
      const other = new api.Kqueue();
      other.add({ filter: 'timer', id: 1, after: 1 });
      print((await other.next()).filter);
      other.close();`);
    expect(closed).toBeNull();
    expect(error).toBe('EBADF');
    expect(next).toBe('timer');
  },
);

onLinux('eight threads at once keep their queues apart', async () => {
  const [sums] = await inChild(`
    const body = \`
      (async () => {
        const kq = new api.Kqueue();
        const other = new api.Kqueue();
        kq.add({ filter: 'user', id: 1, udata: workerData });
        other.add({ filter: 'user', id: 1, udata: -1 });
        let sum = 0;
        for (let i = 1; i <= 200; i++) {
          kq.trigger(1, i);
          const [event] = kq.wait({ timeout: 5000 });
          sum += event.fflags === i ? event.udata : NaN;
        }
        say(sum + other.poll().length);
        kq.close();
        other.close();
      })();\`;
    const workers = Array.from({ length: 8 }, (_, i) => start(body, i + 1));
    print(await Promise.all(workers.map(told)));`);
  expect(sums).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 200 * i));
});
