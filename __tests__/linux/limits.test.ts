// A process that may have no more descriptors: the real limit, in a child.
import { printed } from '../support/child.js';
import { onLinux } from '../support/fds.js';

/** For each number of descriptors left, what each thing to do came to. */
const SCRIPT = `
const fs = require('node:fs');
const { constants } = require('node:os');
const { spawn } = require('node:child_process');
const { EV_ADD, EV_CLEAR } = api;
const child = spawn('sleep', ['60']);
const file = fs.openSync(process.execPath, 'r');
const folder = fs.openSync('/', 'r');
const spare = [];
const LEFT = 8;

const exhaust = () => {
  try {
    for (let i = 0; i < 1000; i++) spare.push(fs.openSync('/dev/null', 'r'));
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
  }
};
const free = (count) => spare.splice(spare.length - count).forEach((fd) => fs.closeSync(fd));
const open = () => fs.readdirSync('/proc/self/fd').length;

const SIGUSR2 = constants.signals.SIGUSR2;
const changes = {
  READ: { ident: file, filter: api.EVFILT_READ },
  VNODE: { ident: folder, filter: api.EVFILT_VNODE, fflags: api.NOTE_WRITE },
  TIMER: { ident: 1, filter: api.EVFILT_TIMER, data: 60000 },
  USER: { ident: 1, filter: api.EVFILT_USER },
  PROC: { ident: child.pid, filter: api.EVFILT_PROC, fflags: api.NOTE_EXIT },
  SIGNAL: { ident: SIGUSR2, filter: api.EVFILT_SIGNAL },
  FS: { ident: 0, filter: api.EVFILT_FS },
};

/** How it ends with only so many descriptors left, and what it leaves open. */
const attempt = (left, act, undo) => {
  const before = open();
  exhaust();
  free(left);
  let outcome = 'done';
  try {
    act();
  } catch (error) {
    outcome = error instanceof api.KqueueError ? error.code : String(error.stack);
  }
  free(spare.length);
  undo(outcome);
  return [outcome, open() - before];
};

// What is opened once and kept, is open now.
const list = new api.KeventList(8);
const usual = api.kqueue();
for (const change of Object.values(changes)) {
  api.kevent(usual, [{ ...change, flags: EV_ADD }], null);
}
api.close(usual);

for (let left = 0; left <= LEFT; left++) {
  let kq;
  print(['kqueue', left, ...attempt(
    left,
    () => { kq = api.kqueue(); },
    () => { if (kq !== undefined) api.close(kq); },
  )]);
  for (const [name, change] of Object.entries(changes)) {
    const kq = api.kqueue();
    const [outcome, leaked] = attempt(
      left,
      () => api.kevent(kq, [{ ...change, flags: EV_ADD | EV_CLEAR }], null),
      (outcome) => {
        const user = { ident: 9, filter: api.EVFILT_USER, flags: EV_ADD, fflags: api.NOTE_TRIGGER };
        api.kevent(kq, [user], null);
        const told = api.kevent(kq, null, list, 0);
        if (told < 1) print(['deaf', name, left, outcome]);
        api.close(kq);
      },
    );
    // Its own queue is closed by then: three less than before.
    print([name, left, outcome, leaked + 3]);
  }
}
child.kill('SIGKILL');
`;

type Line = [what: string, left: number, outcome: string, leaked: number];

describe('with few descriptors left', () => {
  let lines: Line[];
  beforeAll(async () => {
    if (process.platform !== 'linux') return;
    lines = (await printed(SCRIPT, { first: 'ulimit -n 64' })) as Line[];
  });

  onLinux('each call does its work or says that there are no more', () => {
    const odd = lines.filter(
      ([, , outcome]) =>
        !['done', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOTSUP'].includes(outcome),
    );
    expect(odd).toEqual([]);
    // With none left, what needs one fails; with eight nothing does.
    const outcomesWith = (count: number) =>
      lines.filter(([, left]) => left === count).map(([, , out]) => out);
    expect(outcomesWith(0)).toContain('EMFILE');
    expect(new Set(outcomesWith(8))).toEqual(new Set(['done']));
  });

  onLinux('kqueue() works with as many as it needs, and not with fewer', () => {
    const outcomes = lines
      .filter(([what]) => what === 'kqueue')
      .map(([, , outcome]) => outcome);
    const done = outcomes.indexOf('done');
    expect(done).toBe(3);
    expect(new Set(outcomes.slice(0, done))).toEqual(new Set(['EMFILE']));
    expect(new Set(outcomes.slice(done))).toEqual(new Set(['done']));
  });

  onLinux(
    'what was refused is not half open, and the queue still works',
    () => {
      expect(lines.filter(([, , , leaked]) => leaked !== 0)).toEqual([]);
      expect(lines.filter(([what]) => what === 'deaf')).toEqual([]);
    },
  );
});
