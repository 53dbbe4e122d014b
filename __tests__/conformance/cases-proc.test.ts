import { chmodSync } from 'node:fs';
import { constants as os } from 'node:os';
import {
  caseWith,
  chg,
  child,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EVFILT_FS,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  expectEvents,
  file,
  gate,
  get,
  grandchild,
  host,
  type Instead,
  isolate,
  kqueue,
  libc,
  NOTE_ATTRIB,
  NOTE_EXEC,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_FORK,
  NOTE_TRACK,
  NOTE_TRIGGER,
  pipe,
  poll,
  refusal,
  SOON,
  sleep,
  unusedPid,
} from './prelude.js';

isolate();

const proc = (ident: number) => ({ ident, filter: EVFILT_PROC });
const procCase = (
  id: string,
  title: string,
  body: () => void,
  instead?: Instead,
): void => caseWith(['EVFILT_PROC'], id, title, body, instead);
const ENDED = EV_ADD | EV_CLEAR | EV_ONESHOT | EV_EOF;
const BOTH = (NOTE_EXIT | NOTE_EXITSTATUS) >>> 0;

procCase('P02', 'reports the exit code of a child as wait(2) does', () => {
  const q = kqueue();
  const { pid, end } = child();
  chg(q, { ...proc(pid), flags: EV_ADD, fflags: BOTH });
  expectEvents(poll(q));
  end(3);
  const event = { ...proc(pid), flags: ENDED, fflags: BOTH, data: 0x300 };
  expectEvents(get(q, 1, SOON), event);
  expect(refusal(q, { ...proc(pid), flags: EV_DELETE })).toBe('ENOENT');
});

procCase('P03', 'reports the signal that ended a child', () => {
  const q = kqueue();
  const { pid, end } = child();
  chg(q, { ...proc(pid), flags: EV_ADD, fflags: BOTH });
  end('SIGTERM');
  const data = os.signals.SIGTERM;
  const event = { ...proc(pid), flags: ENDED, fflags: BOTH, data };
  expectEvents(get(q, 1, SOON), event);
});

procCase('P05', 'an unknown pid fails with ESRCH', () => {
  const q = kqueue();
  const add = { ...proc(unusedPid()), flags: EV_ADD, fflags: NOTE_EXIT };
  expect(refusal(q, add)).toBe('ESRCH');
});

procCase('P06', 'a zombie fails with ESRCH', () => {
  const q = kqueue();
  const { pid, end } = child();
  end(0);
  const add = { ...proc(pid), flags: EV_ADD, fflags: NOTE_EXIT };
  expect(refusal(q, add)).toBe('ESRCH');
});

procCase('P08', 'a change with fflags 0 ends the notes', () => {
  const q = kqueue();
  const { pid, end } = child();
  chg(q, { ...proc(pid), flags: EV_ADD, fflags: NOTE_EXIT });
  chg(q, proc(pid));
  end(0);
  expectEvents(poll(q));
  chg(q, { ...proc(pid), flags: EV_DELETE });
});

procCase('P09', 'an exit while disabled is reported after ENABLE', () => {
  const q = kqueue();
  const { pid, end } = child();
  const fflags = NOTE_EXIT;
  chg(q, { ...proc(pid), flags: EV_ADD, fflags });
  chg(q, { ...proc(pid), flags: EV_DISABLE, fflags });
  end(0);
  expectEvents(poll(q));
  chg(q, { ...proc(pid), flags: EV_ENABLE, fflags });
  expectEvents(get(q, 1, SOON), { ...proc(pid), flags: ENDED, fflags });
});

procCase('P11', 'NOTE_TRACK is ENOTSUP', () => {
  const q = kqueue();
  const { pid } = child();
  const add = { ...proc(pid), flags: EV_ADD, fflags: NOTE_TRACK };
  expect(refusal(q, add)).toBe('ENOTSUP');
});

/** A registration for these notes is answered with that code. */
const notesAnswered = (code: string, ...notes: number[]) => {
  const q = kqueue();
  const { pid } = child();
  for (const fflags of notes) {
    expect(refusal(q, { ...proc(pid), flags: EV_ADD, fflags })).toBe(code);
  }
};
const FORK_EXEC = NOTE_FORK | NOTE_EXEC;
procCase(
  'P12',
  'FORK and EXEC can be registered',
  () => notesAnswered('none', FORK_EXEC),
  {
    linux: () => notesAnswered('ENOTSUP', FORK_EXEC, NOTE_FORK, NOTE_EXEC),
  },
);

procCase('P14', 'reports the exit of a grandchild', () => {
  const q = kqueue();
  const { pid, end } = grandchild();
  const fflags = NOTE_EXIT;
  chg(q, { ...proc(pid), flags: EV_ADD, fflags });
  end(1);
  expectEvents(get(q, 1, SOON), { ...proc(pid), flags: ENDED, fflags });
});

/** A case about the status of a process whose parent is another. */
const statusCase = (id: string, title: string, body: () => void): void => {
  const why = 'Linux before 6.15 tells the exit status to the parent only';
  if (host.reportsExitStatus) procCase(id, title, body);
  else gate(false, why)(`${id} ${title}`, body);
};

statusCase('P15', 'reports the status of a grandchild', () => {
  const q = kqueue();
  const { pid, end } = grandchild();
  chg(q, { ...proc(pid), flags: EV_ADD, fflags: BOTH });
  end(5);
  const event = { ...proc(pid), flags: ENDED, fflags: BOTH, data: 0x500 };
  expectEvents(get(q, 1, SOON), event);
});

const isRoot = process.getuid?.() === 0;
const statusOfAnother = () => {
  const add = { ...proc(1), flags: EV_ADD, fflags: BOTH };
  expect(refusal(kqueue(), add)).toBe('EACCES');
};
const title = "the status of another user's process is EACCES";
if (isRoot)
  gate(false, 'root may watch any process')(`P17 ${title}`, statusOfAnother);
else procCase('P17', title, statusOfAnother);

procCase('P18', 'a process can watch itself', () => {
  const q = kqueue();
  chg(q, { ...proc(process.pid), flags: EV_ADD, fflags: NOTE_EXIT });
  expectEvents(poll(q));
});

procCase('P20', 'ONESHOT with FORK and EXIT reports the exit, once', () => {
  const q = kqueue();
  const { pid, end } = child();
  const fflags = (NOTE_FORK | NOTE_EXIT) >>> 0;
  chg(q, { ...proc(pid), flags: EV_ADD | EV_ONESHOT, fflags });
  end(0);
  const event = { ...proc(pid), flags: ENDED, fflags: NOTE_EXIT };
  expectEvents(get(q, 1, SOON), event);
  expectEvents(poll(q));
  expect(refusal(q, { ...proc(pid), flags: EV_DELETE })).toBe('ENOENT');
});

caseWith(
  ['EVFILT_FS'],
  'O01',
  'FS can be watched, and reports nothing without a mount',
  () => {
    const q = kqueue();
    const fs = { ident: 1, filter: EVFILT_FS };
    chg(q, { ...fs, flags: EV_ADD });
    expectEvents(poll(q));
    chg(q, { ...fs, flags: EV_DELETE });
  },
);

const filters = ['EVFILT_PROC', 'EVFILT_VNODE'];
caseWith(
  filters,
  'O04',
  'five filters in one queue report one event each',
  () => {
    const q = kqueue();
    const [r, w] = pipe();
    const { fd, at } = file(1);
    const { pid, end } = child();
    const edge = EV_ADD | EV_CLEAR;
    chg(
      q,
      { ident: r, filter: EVFILT_READ, flags: EV_ADD, udata: 1 },
      { ident: 7, filter: EVFILT_TIMER, flags: EV_ADD, data: 5, udata: 2 },
      { ident: 7, filter: EVFILT_USER, flags: edge, udata: 3 },
      { ...proc(pid), flags: EV_ADD, fflags: BOTH, udata: 4 },
      {
        ident: fd,
        filter: EVFILT_VNODE,
        flags: edge,
        fflags: NOTE_ATTRIB,
        udata: 5,
      },
    );
    libc.write(w, 2);
    chg(q, { ident: 7, filter: EVFILT_USER, fflags: NOTE_TRIGGER, udata: 3 });
    end(4);
    chmodSync(at, 0o600);
    sleep(20);
    const events = poll(q).sort((x, y) => Number(x.udata - y.udata));
    const [, tick] = events;
    expect(tick.data).toBeGreaterThanOrEqual(1);
    expectEvents(
      events,
      { ident: r, filter: EVFILT_READ, flags: EV_ADD, data: 2, udata: 1 },
      {
        ident: 7,
        filter: EVFILT_TIMER,
        flags: edge,
        data: tick.data,
        udata: 2,
      },
      { ident: 7, filter: EVFILT_USER, flags: edge, udata: 3 },
      { ...proc(pid), flags: ENDED, fflags: BOTH, data: 0x400, udata: 4 },
      {
        ident: fd,
        filter: EVFILT_VNODE,
        flags: edge,
        fflags: NOTE_ATTRIB,
        udata: 5,
      },
    );
  },
);
