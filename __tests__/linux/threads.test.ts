// Queues and worker threads: each thread has its own, and ends without harm.
import { entry, literal, printed } from '../support/child.js';
import { onLinux } from '../support/fds.js';

/** Run a script in a worker of a child process. */
const PRELUDE = `
const { Worker } = require('node:worker_threads');
const { once } = require('node:events');
const { readdirSync } = require('node:fs');
const open = () => readdirSync('/proc/self/fd').length;
const start = (body, workerData) =>
  new Worker(
    "const { parentPort, workerData } = require('node:worker_threads');" +
      "const api = require(" + ${literal(literal(entry))} + ");" +
      "const user = { ident: 1, filter: api.EVFILT_USER };" +
      "const codeOf = (act) => { try { act(); return 'none'; } catch (error) { return error.code; } };" +
      body,
    { eval: true, workerData },
  );
/** Run one to its end: what it said, and its exit code. */
const run = async (body, workerData) => {
  const worker = start(body, workerData);
  const messages = [];
  worker.on('message', (message) => messages.push(message));
  const [code] = await once(worker, 'exit');
  return [code, ...messages];
};
const user = { ident: 1, filter: api.EVFILT_USER };
const { EV_ADD, NOTE_TRIGGER } = api;
const list = new api.KeventList(4);
`;

const inChild = (script: string): Promise<unknown[]> =>
  printed(`${PRELUDE}(async () => {${script}})();`);

onLinux('a queue of a worker works as one of the main thread', async () => {
  const [told, mine] = await inChild(`
    const kq = api.kqueue();
    api.kevent(kq, [{ ...user, flags: EV_ADD, udata: 1 }], null);
    print(await run(\`
      const kq = api.kqueue();
      const list = new api.KeventList(4);
      const timer = { ident: 7, filter: api.EVFILT_TIMER, flags: api.EV_ADD | api.EV_ONESHOT, data: 5 };
      const count = api.kevent(kq, [timer], list, 5000);
      parentPort.postMessage([count, list.ident(0)]);
      api.close(kq);\`));
    api.kevent(kq, [{ ...user, fflags: NOTE_TRIGGER, udata: 2 }], null);
    print([api.kevent(kq, null, list, 0), list.udata(0)]);
    api.close(kq);`);
  expect(told).toEqual([0, [1, 7]]);
  expect(mine).toEqual([1, 2]);
});

onLinux('a queue of another thread is EBADF, and unharmed by it', async () => {
  const [told, mine] = await inChild(`
    const kq = api.kqueue();
    api.kevent(kq, [{ ...user, flags: EV_ADD, fflags: NOTE_TRIGGER }], null);
    print(await run(\`
      const list = new api.KeventList(1);
      parentPort.postMessage([
        codeOf(() => api.kevent(workerData, null, list, 0)),
        codeOf(() => api.kevent(workerData, [{ ...user, flags: api.EV_DELETE }], null)),
      ]);\`, kq));
    print(api.kevent(kq, null, list, 0));
    api.close(kq);`);
  expect(told).toEqual([0, ['EBADF', 'EBADF']]);
  expect(mine).toBe(1);
});

onLinux(
  'signals belong to the main thread, and a worker is told so',
  async () => {
    const [told] = await inChild(`
    print(await run(\`
      const kq = api.kqueue();
      const change = { ident: 12, filter: api.EVFILT_SIGNAL, flags: api.EV_ADD };
      parentPort.postMessage(codeOf(() => api.kevent(kq, [change], null)));
      api.close(kq);\`));`);
    expect(told).toEqual([0, 'ENOTSUP']);
  },
);

onLinux('threads that come and go leave nothing open', async () => {
  const [leaked] = await inChild(`
    const body = \`
      const kq = api.kqueue();
      const list = new api.KeventList(4);
      api.kevent(kq, [{ ...user, flags: api.EV_ADD, fflags: api.NOTE_TRIGGER }], list, 0);
      api.close(kq);\`;
    await run(body);
    const before = open();
    for (let i = 0; i < 10; i++) await run(body);
    print(open() - before);`);
  expect(leaked).toBe(0);
});

onLinux(
  'a thread that is terminated with queues open ends, and so does the process',
  async () => {
    const [codes, told] = await inChild(`
    const body = \`
      const queues = Array.from({ length: 20 }, () => api.kqueue());
      for (const kq of queues) {
        const timer = { ident: 1, filter: api.EVFILT_TIMER, flags: api.EV_ADD, data: 1 };
        api.kevent(kq, [timer, { ...user, flags: api.EV_ADD }], null);
      }
      parentPort.postMessage('ready');
      const list = new api.KeventList(4);
      // Half of them are busy, the others wait for their event loop.
      for (;;) if (workerData) api.kevent(queues[0], null, list, 20); else break;
      setInterval(() => api.kevent(queues[0], null, list, 0), 1);\`;
    const codes = [];
    for (let i = 0; i < 6; i++) {
      const worker = start(body, i % 2 === 0);
      await once(worker, 'message');
      codes.push(await worker.terminate());
    }
    print(codes);
    const kq = api.kqueue();
    const change = { ...user, flags: EV_ADD, fflags: NOTE_TRIGGER };
    print(api.kevent(kq, [change], list, 0));
    api.close(kq);`);
    expect(codes).toEqual([1, 1, 1, 1, 1, 1]);
    expect(told).toBe(1);
  },
);

onLinux('many threads at once do not see each other', async () => {
  const [sums] = await inChild(`
    const body = \`
      const kq = api.kqueue();
      const list = new api.KeventList(8);
      api.kevent(kq, [{ ...user, flags: api.EV_ADD | api.EV_CLEAR }], null);
      let sum = 0;
      for (let i = 0; i < 500; i++) {
        const trigger = { ...user, fflags: api.NOTE_TRIGGER, data: workerData, udata: i };
        if (api.kevent(kq, [trigger], list, 1000) === 1) sum += list.data(0);
      }
      parentPort.postMessage(sum);
      api.close(kq);\`;
    print(await Promise.all([1, 2, 3, 4].map((number) => run(body, number))));`);
  expect(sums).toEqual([1, 2, 3, 4].map((number) => [0, 500 * number]));
});
