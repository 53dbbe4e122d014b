// Signals that arrive while a call waits, in a process of its own: that of
// the tests is a copy on which no listener ever hears anything.
import { printed } from '../support/child.js';
import { onLinux } from '../support/fds.js';

// The signal is sent again and again, until it finds the call waiting.
const PRELUDE = `
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const list = new api.KeventList(4);
const user = { ident: 1, filter: api.EVFILT_USER };
const timer = { ident: 1, filter: api.EVFILT_TIMER, flags: api.EV_ADD | api.EV_ONESHOT };
const GIVE_UP = 20000;

const outcomeOf = (call) => {
  try {
    return call();
  } catch (error) {
    return [error.name, error.code, error.errno, error.syscall];
  }
};
const signalling = async (signal, during) => {
  const loop = 'for i in $(seq 1000); do kill -' + signal + ' $PPID || exit; sleep 0.02; done';
  const sender = spawn('sh', ['-c', loop]);
  try {
    return await during();
  } finally {
    sender.kill('SIGKILL');
    await once(sender, 'exit');
  }
};
`;

const inChild = (script: string): Promise<unknown[]> =>
  printed(`${PRELUDE}(async () => {${script}})();`);

onLinux(
  'a signal that is caught ends the wait with EINTR, in Darwin numbers',
  async () => {
    const [outcome, length, heard] = await inChild(`
    let heard = 0;
    process.on('SIGUSR1', () => { heard++; });
    const kq = api.kqueue();
    await signalling('USR1', () => {
      print(outcomeOf(() => api.kevent(kq, null, list, GIVE_UP)));
      print(list.length);
    });
    await new Promise((resolve) => setImmediate(resolve));
    print(heard > 0);
    api.close(kq);`);
    expect(outcome).toEqual(['KqueueError', 'EINTR', -4, 'kevent']);
    expect(length).toBe(0);
    expect(heard).toBe(true);
  },
);

onLinux(
  'the changes of a call that was interrupted are applied, once',
  async () => {
    const [outcome, again, told] = await inChild(`
    process.on('SIGUSR1', () => {});
    const kq = api.kqueue();
    await signalling('USR1', () => {
      const changes = [
        { ...user, flags: api.EV_ADD | api.EV_CLEAR },
        { ...timer, data: 60000 },
      ];
      print(outcomeOf(() => api.kevent(kq, changes, list, GIVE_UP))[1]);
    });
    print(outcomeOf(() => api.kevent(kq, [{ ...timer, flags: api.EV_DELETE }], null)));
    api.kevent(kq, [{ ...user, fflags: api.NOTE_TRIGGER }], null);
    print([api.kevent(kq, null, list, 0), list.ident(0)]);
    api.close(kq);`);
    expect(outcome).toBe('EINTR');
    expect(again).toBe(0);
    expect(told).toEqual([1, 1]);
  },
);

onLinux(
  'an event that is ready is returned though signals keep coming',
  async () => {
    const [counts] = await inChild(`
    process.on('SIGUSR1', () => {});
    const kq = api.kqueue();
    api.kevent(kq, [{ ...user, flags: api.EV_ADD, fflags: api.NOTE_TRIGGER }], null);
    await signalling('USR1', () => {
      const counts = new Set();
      const end = performance.now() + 200;
      while (performance.now() < end) counts.add(api.kevent(kq, null, list, 1000));
      print([...counts]);
    });
    api.close(kq);`);
    expect(counts).toEqual([1]);
  },
);

onLinux('a program that waits again after EINTR loses nothing', async () => {
  const [result] = await inChild(`
    process.on('SIGUSR1', () => {});
    const kq = api.kqueue();
    await signalling('USR1', () => {
      let interruptions = 0;
      let count = 0;
      api.kevent(kq, [{ ...timer, data: 300 }], null);
      for (let i = 0; i < 1000 && count === 0; i++) {
        const outcome = outcomeOf(() => api.kevent(kq, null, list, GIVE_UP));
        if (typeof outcome === 'number') count = outcome;
        else interruptions++;
      }
      print([count, list.filter(0) === api.EVFILT_TIMER, interruptions > 0]);
    });
    api.close(kq);`);
  expect(result).toEqual([1, true, true]);
});

onLinux(
  'the end of a child interrupts, as any other caught signal',
  async () => {
    const [outcome, code] = await inChild(`
    const kq = api.kqueue();
    // One may end before this thread waits: then the next shall interrupt.
    let outcome;
    let child;
    for (let i = 0; i < 20 && outcome !== 'EINTR'; i++) {
      child = spawn('sh', ['-c', 'sleep 0.1; exit 3']);
      outcome = outcomeOf(() => api.kevent(kq, null, list, 1000))[1];
    }
    print(outcome);
    print((await once(child, 'exit'))[0]);
    api.close(kq);`);
    expect(outcome).toBe('EINTR');
    expect(code).toBe(3);
  },
);

onLinux(
  'a counted signal wakes the wait with its event, not with EINTR',
  async () => {
    const [told, again] = await inChild(`
    const { SIGUSR1 } = require('node:os').constants.signals;
    const kq = api.kqueue();
    api.kevent(kq, [{ ident: SIGUSR1, filter: api.EVFILT_SIGNAL, flags: api.EV_ADD }], null);
    await signalling('USR1', () => {
      const count = outcomeOf(() => api.kevent(kq, null, list, GIVE_UP));
      print([count, list.ident(0) === SIGUSR1, list.data(0) > 0]);
    });
    await new Promise((resolve) => setImmediate(resolve));
    outcomeOf(() => api.kevent(kq, null, list, 0));
    print(api.kevent(kq, null, list, 0));
    api.close(kq);`);
    expect(told).toEqual([1, true, true]);
    expect(again).toBe(0);
  },
);
