// Many registrations, and a system that has run out of something.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  ftruncateSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants as os } from 'node:os';
import { type KeventInit, KeventList, kernel } from '../../src/index.js';
import { printedBy } from '../support/child.js';
import {
  change,
  chg,
  close,
  descriptors,
  EDGE,
  EV_ADD,
  EV_DELETE,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  gate,
  isolate,
  kqueue,
  libc,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXIT,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_TRIGGER,
  NOTE_WRITE,
  open,
  path,
  pipe,
  poll,
  socketpair,
} from './prelude.js';

isolate();

const ALL_NOTES =
  NOTE_DELETE |
  NOTE_WRITE |
  NOTE_EXTEND |
  NOTE_ATTRIB |
  NOTE_LINK |
  NOTE_RENAME;

const file = (name: string): number => {
  writeFileSync(path(name), 'x');
  return open(path(name), 'r+');
};
const vnode = (ident: number): KeventInit => ({
  ident,
  filter: EVFILT_VNODE,
  flags: EDGE,
  fflags: ALL_NOTES,
});
const count = (from: number, length: number): number[] =>
  Array.from({ length }, (_, i) => from + i);

const isBuiltIn = kernel.name === 'linux';
const onBuiltIn = gate(isBuiltIn, 'the limits are those of Linux');

test('ten thousand registrations of all kinds report their own events', () => {
  const before = new Set(descriptors());
  const q = kqueue();
  const pipePairs = count(0, 300).map(() => pipe());
  const socketPairs = count(0, 300).map(() => socketpair());
  const pipes = pipePairs.map(([r]) => r);
  const sockets = socketPairs.map(([a]) => a);
  const writeToAll = (): void => {
    for (const [, other] of [...pipePairs, ...socketPairs]) {
      libc.write(other, 1);
    }
  };
  const files = count(0, 100).map((i) => file(`${i}`));
  const users = count(1, 7000);
  const timers = count(1, 2000);
  const changes: KeventInit[] = [
    ...users.map((ident) => ({ ident, filter: EVFILT_USER, flags: EDGE })),
    ...timers.map((ident) => ({
      ident,
      filter: EVFILT_TIMER,
      flags: EV_ADD,
      data: ident % 2 === 0 ? 0 : 1_000_000_000,
    })),
    ...pipes.map((ident) => ({ ident, filter: EVFILT_READ, flags: EDGE })),
    ...sockets.map((ident) => ({ ident, filter: EVFILT_EXCEPT, flags: EDGE })),
    ...sockets.map((ident) => ({ ident, filter: EVFILT_WRITE, flags: EDGE })),
    ...files.map(vnode),
  ];
  expect(changes).toHaveLength(10_000);
  chg(q, ...changes);
  const tally = (): Record<number, number> => {
    const seen: Record<number, number> = {};
    for (const { filter } of change(q, [], 20_000)) {
      seen[filter] = (seen[filter] ?? 0) + 1;
    }
    return seen;
  };
  expect(tally()).toEqual({ [EVFILT_TIMER]: 1000, [EVFILT_WRITE]: 300 });
  expect(tally()).toEqual({});
  const trigger = { filter: EVFILT_USER, fflags: NOTE_TRIGGER };
  chg(q, ...users.map((ident) => ({ ...trigger, ident })));
  writeToAll();
  for (const fd of files) writeSync(fd, 'y', 0);
  expect(tally()).toEqual({
    [EVFILT_USER]: 7000,
    [EVFILT_READ]: 300,
    [EVFILT_EXCEPT]: 300,
    [EVFILT_VNODE]: 100,
  });
  for (const fd of [...pipes, ...sockets, ...files]) close(fd);
  for (const [, other] of [...pipePairs, ...socketPairs]) close(other);
  expect(tally()).toEqual({});
  chg(
    q,
    ...users.map((ident) => ({
      ident,
      filter: EVFILT_USER,
      flags: EV_DELETE,
    })),
  );
  close(q);
  const left = descriptors()?.filter((line) => !before.has(line)) ?? [];
  expect(left).toEqual([]);
});

/** Every kind of registration that may need a descriptor. */
function hungry(): KeventInit[] {
  const [r, w] = pipe();
  const [a] = socketpair();
  return [
    { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 0 },
    { ident: r, filter: EVFILT_READ, flags: EDGE },
    { ident: w, filter: EVFILT_WRITE, flags: EDGE },
    { ident: a, filter: EVFILT_READ, flags: EV_ADD },
    { ident: a, filter: EVFILT_WRITE, flags: EDGE },
    vnode(file('watched')),
    {
      ident: process.pid,
      filter: EVFILT_PROC,
      flags: EV_ADD,
      fflags: NOTE_EXIT,
    },
    { ident: os.signals.SIGWINCH, filter: EVFILT_SIGNAL, flags: EV_ADD },
    { ident: 1, filter: EVFILT_FS, flags: EV_ADD },
  ];
}

onBuiltIn(
  'a registration refused with EMFILE succeeds once a descriptor is free',
  () => {
    const [spare] = pipe();
    const changes = hungry();
    for (const left of [0, 1, 2, 3]) {
      const before = descriptors();
      const q = kqueue();
      const taken: number[] = [];
      const answers: string[] = [];
      // Nothing here may open anything until they are given back.
      const list = new KeventList(16);
      try {
        for (;;) taken.push(libc.dup(spare));
      } catch {
        for (const fd of taken.splice(0, left)) libc.close(fd);
      }
      try {
        for (const one of changes) answers.push(answerOf(q, one, list));
      } finally {
        for (const fd of taken) libc.close(fd);
      }
      for (const answer of answers) {
        expect(answer).toMatch(/^(none|EMFILE|ENFILE|ENOMEM)$/);
      }
      // One refusal each at least, but for what needs none.
      if (left === 0) expect(answers).toContain('EMFILE');
      // The queue is usable, and the refused registration succeeds now.
      chg(q, ...changes);
      expect(poll(q).length).toBeGreaterThan(0);
      for (const { ident, filter } of changes) {
        chg(q, { ident, filter, flags: EV_DELETE });
      }
      close(q);
      const fresh = kqueue();
      chg(fresh, ...changes);
      close(fresh);
      const gone = new Set(before);
      expect(descriptors()?.filter((line) => !gone.has(line))).toEqual([]);
    }
  },
);

onBuiltIn(
  'a process with few descriptors gets as many queues as fit',
  async () => {
    const [code, some, works, left] = await printedBy(
      'conformance/limits',
      'fewDescriptors',
      { first: 'ulimit -n 64' },
    ).then((all) => all.slice(1));
    expect(code).toBe('EMFILE');
    expect(some).toBe(true);
    expect(works).toBe(true);
    expect(left).toBe(0);
  },
);

function answerOf(q: number, one: KeventInit, list: KeventList): string {
  try {
    list.clear();
    chg(q, one);
    return 'none';
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${error.code}` : 'odd';
  }
}

/** Whether this user may create a user namespace with limits. */
function canUnshare(): boolean {
  try {
    const set = 'echo 8 > /proc/sys/user/max_inotify_watches';
    execFileSync('unshare', ['-Urm', 'sh', '-c', set], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const inNamespace = gate(
  isBuiltIn && canUnshare(),
  'this system allows no user namespace',
);
/** Run a program where a shell command has set things up. */
const within = (
  setUp: string,
  program: string,
  folder: string,
): Promise<unknown[]> =>
  printedBy('conformance/limits', program, {
    args: [folder],
    first: `exec unshare -Urm sh -c '${setUp} && exec "$@"' sh "$@"`,
  });

describe('When inotify runs out', () => {
  inNamespace(
    'files beyond the limit of watches are refused, and the others reported',
    async () => {
      const folder = path('');
      const [codes, reported, again] = await within(
        'echo 3 > /proc/sys/user/max_inotify_watches',
        'fewWatches',
        folder,
      );
      expect(codes).toEqual(['none', 'none', 'none', 'ENOSPC', 'ENOSPC']);
      expect(reported).toBe(3);
      expect(again).toBe('none');
    },
  );

  inNamespace(
    'without an instance files are refused, and the rest of a queue works',
    async () => {
      const folder = path('');
      const [vnodeCode, pipeEvents, userEvents, leaked, message] = await within(
        'echo 0 > /proc/sys/user/max_inotify_instances',
        'noInstance',
        folder,
      );
      expect(vnodeCode).toBe('EMFILE');
      expect(pipeEvents).toEqual(['none', 1]);
      expect(userEvents).toBe(2);
      // The fallback by which EVFILT_READ polls the file.
      expect(leaked).toEqual([expect.stringMatching('timerfd')]);
      // The limit of the namespace, which is lower than that of the system.
      expect(message).toContain('raise user.max_inotify_instances (now 0)');
    },
  );
});

describe('On another file system', () => {
  const mounts = {
    tmpfs: 'mount -t tmpfs none $0',
    'an overlay, as in a container':
      'mount -t tmpfs none $0 && cd $0 && mkdir l u w o && mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w o',
  };
  for (const [name, command] of Object.entries(mounts)) {
    inNamespace(
      `files and directories are reported as elsewhere: ${name}`,
      async () => {
        writeFileSync(path('keep'), '');
        const folder = path('').replace(/\/$/, '');
        const at = name === 'tmpfs' ? folder : `${folder}/o`;
        const [got, wanted] = await within(
          command.replaceAll('$0', folder),
          'eachChange',
          at,
        );
        expect(got).toEqual(wanted);
      },
    );
  }

  onBuiltIn('watching /proc succeeds and reports nothing', () => {
    const q = kqueue();
    const fd = open('/proc/self/status', 'r');
    chg(q, vnode(fd));
    expect(poll(q)).toEqual([]);
    readFileSync('/proc/self/status');
    expect(poll(q)).toEqual([]);
    chg(q, { ident: fd, filter: EVFILT_VNODE, flags: EV_DELETE });
  });
});

const MOST_EVENTS = 60_000;
const queued = isBuiltIn
  ? Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'))
  : Number.POSITIVE_INFINITY;

gate(
  isBuiltIn && queued < MOST_EVENTS,
  'inotify queues more here than a test can fill',
)('an overflow of the inotify queue loses no file', () => {
  const q = kqueue();
  const noisy = [file('n1'), file('n2')];
  const quiet = {
    grown: file('grown'),
    shrunk: file('shrunk'),
    changed: file('changed'),
    unlinked: file('unlinked'),
    renamed: file('renamed'),
  };
  const fds = [...noisy, ...Object.values(quiet)];
  chg(q, ...fds.map(vnode));
  // Two in turn: the kernel would merge events that are alike.
  for (let i = 0; i <= queued; i++) writeSync(noisy[i % 2], 'x', 0);
  writeSync(quiet.grown, 'more');
  ftruncateSync(quiet.shrunk, 0);
  chmodSync(path('changed'), 0o400);
  unlinkSync(path('unlinked'));
  renameSync(path('renamed'), path('elsewhere'));
  const reported = new Map(
    change(q, [], 64).map(({ ident, fflags }) => [ident, fflags]),
  );
  expect([...reported.keys()].sort()).toEqual([...fds].sort());
  const gone = NOTE_DELETE | NOTE_LINK;
  expect((reported.get(quiet.unlinked) ?? 0) & gone).toBe(gone);
  const grown = NOTE_WRITE | NOTE_EXTEND;
  expect((reported.get(quiet.grown) ?? 0) & grown).toBe(grown);
  expect((reported.get(quiet.changed) ?? 0) & NOTE_EXTEND).toBe(0);
  expect((reported.get(quiet.renamed) ?? 0) & NOTE_RENAME).not.toBe(0);
  expect(poll(q)).toEqual([]);
  writeSync(noisy[0], 'x', 0);
  expect(poll(q)).toHaveLength(1);
});
