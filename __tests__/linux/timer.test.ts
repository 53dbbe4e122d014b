// Timers of the built-in kernel, on clocks that the test moves, and its timerfd.
import { closeSync, readFileSync } from 'node:fs';
import { darwin } from '../../src/abi.js';
import { type Syscalls, syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_ONESHOT,
  EVFILT_TIMER,
  KeventList,
  NOTE_MACH_CONTINUOUS_TIME,
  NOTE_NSECONDS,
  NOTE_SECONDS,
} from '../../src/index.js';
import { exactNanoseconds, nanoseconds } from '../../src/linux/clock.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { onLinux } from '../support/fds.js';

/** More polls than it takes until a timerfd has fired. */
const POLLS = 10_000;

/** Linux: linux/time.h. */
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;

/** The calls, with a clock in nanoseconds. */
function syscallsAt(now: (clock: number) => bigint): Syscalls {
  const libc = bindLibc();
  const clocked: Libc = {
    ...libc,
    clockGettime(clock) {
      const { u32 } = libc.scratch;
      u32.fill(0, 0, 4);
      u32[0] = Number(now(clock) / 1_000_000_000n);
      u32[2] = Number(now(clock) % 1_000_000_000n);
      return 0;
    },
  };
  const kernel = createLinuxKernel(clocked);
  return syscallsOf(() => kernel);
}

onLinux('without clock_gettime each clock is read from Node.js', () => {
  const libc: Libc = { ...bindLibc(), clockGettime: () => -1 };
  const clocks = [
    [CLOCK_REALTIME, () => Date.now() * 1e6],
    [CLOCK_MONOTONIC, () => Number(process.hrtime.bigint())],
  ] as const;
  for (const [clock, now] of clocks) {
    for (const read of [nanoseconds, exactNanoseconds]) {
      const before = now();
      const found = Number(read(libc, clock));
      expect(found).toBeGreaterThanOrEqual(before);
      expect(found).toBeLessThanOrEqual(now());
    }
  }
});

onLinux(
  'a timer that is collected after 2^31 periods reports each period once',
  () => {
    let now = 1_000_000_000n;
    const { kqueue, kevent, close } = syscallsAt(() => now);
    const kq = kqueue();
    const list = new KeventList(1);
    try {
      const timer = {
        ident: 1,
        filter: EVFILT_TIMER,
        flags: EV_ADD,
        fflags: NOTE_NSECONDS,
        data: 1,
      };
      kevent(kq, [timer], null);
      for (const periods of [1, 2 ** 31 + 7, 2 ** 32 - 1, 2 ** 32 + 5, 10]) {
        now += BigInt(periods);
        expect(kevent(kq, null, list, null)).toBe(1);
        expect(Number(list.data(0))).toBe(periods);
      }
    } finally {
      close(kq);
    }
  },
);

onLinux(
  'only NOTE_MACH_CONTINUOUS_TIME counts while the machine sleeps',
  () => {
    let awake = 1_000_000_000n;
    let asleep = 0n;
    const { kqueue, kevent, close } = syscallsAt((clock) =>
      clock === CLOCK_BOOTTIME ? awake + asleep : awake,
    );
    const kq = kqueue();
    const list = new KeventList(2);
    const collect = (): (number | bigint)[][] => {
      kevent(kq, null, list, null);
      return [...list].map(({ ident, data }) => [ident, data]);
    };
    try {
      const timer = { filter: EVFILT_TIMER, flags: EV_ADD, data: 1 };
      const fflags = NOTE_MACH_CONTINUOUS_TIME;
      kevent(
        kq,
        [
          { ...timer, ident: 1 },
          { ...timer, ident: 2, fflags },
        ],
        null,
      );
      asleep += 3_600_000_000_000n;
      expect(collect()).toEqual([[2, 3_600_000]]);
      awake += 1_000_000n;
      const both = collect();
      for (let i = 0; i < POLLS && both.length < 2; i++) {
        both.push(...collect());
      }
      expect(both.sort()).toEqual([
        [1, 1],
        [2, 1],
      ]);
    } finally {
      close(kq);
    }
  },
);

/** Collect until all have come: their idents. */
function collectAll(
  { kevent }: Pick<Syscalls, 'kevent'>,
  kq: number,
  most: number,
): (number | bigint)[] {
  const list = new KeventList(64);
  const idents: (number | bigint)[] = [];
  // The timerfd is real, and may fire a little later than the clock.
  for (let i = 0; i < POLLS && idents.length < most; i++) {
    kevent(kq, null, list, 0);
    for (const { ident } of list) idents.push(ident);
  }
  return idents;
}

onLinux('an absolute time is waited for to the nanosecond', () => {
  const start = 1_700_000_000_123_456_789n;
  let passed = 0n;
  const calls = syscallsAt((clock) =>
    clock === CLOCK_REALTIME ? start + passed : 5_999_999_999n + passed,
  );
  const { kqueue, kevent, close } = calls;
  const kq = kqueue();
  try {
    const { constants } = darwin;
    const fflags = constants.NOTE_ABSOLUTE | constants.NOTE_NSECONDS;
    const data = start + 1000n;
    const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD };
    kevent(kq, [{ ...timer, fflags, data }], null);
    passed = 999n;
    expect(kevent(kq, null, new KeventList(1), 0)).toBe(0);
    passed = 1000n;
    expect(collectAll(calls, kq, 1)).toEqual([1]);
  } finally {
    close(kq);
  }
});

onLinux('timers fire in order although others are deleted between them', () => {
  let now = 1_000_000_000n;
  const calls = syscallsAt(() => now);
  const { kqueue, kevent, close } = calls;
  const kq = kqueue();
  const COUNT = 64;
  const timer = { filter: EVFILT_TIMER, fflags: NOTE_NSECONDS };
  const add = (ident: number) => {
    const flags = EV_ADD | EV_ONESHOT;
    kevent(kq, [{ ...timer, ident, flags, data: 1000 * ident }], null);
  };
  const remove = (ident: number) => {
    kevent(kq, [{ ...timer, ident, flags: EV_DELETE }], null);
  };
  try {
    // A step that has no factor in common with the count visits each once.
    for (const step of [1, 7, 19, 27, 45, 63]) {
      const order = Array.from(
        { length: COUNT },
        (_, i) => 1 + ((i * step + 30) % COUNT),
      );
      for (const ident of order) add(ident);
      const isDeleted = (ident: number): boolean => (ident * step) % 5 < 2;
      for (const ident of order.filter(isDeleted)) remove(ident);
      const left = order.filter((ident) => !isDeleted(ident));
      now += 1_000_000n;
      const sorted = [...left].sort((a, b) => a - b);
      expect(collectAll(calls, kq, left.length)).toEqual(sorted);
    }
  } finally {
    close(kq);
  }
});

onLinux('timers of one deadline fire in the order of their adding', () => {
  let now = 1_000_000_000n;
  const calls = syscallsAt(() => now);
  const { kqueue, kevent, close } = calls;
  const kq = kqueue();
  try {
    const idents = [5, 2, 8, 1, 9, 3, 7];
    const timer = { filter: EVFILT_TIMER, flags: EV_ADD | EV_ONESHOT, data: 1 };
    const fflags = NOTE_NSECONDS;
    const changes = idents.map((ident) => ({ ...timer, ident, fflags }));
    kevent(kq, changes, null);
    now += 1_000_000n;
    expect(collectAll(calls, kq, idents.length)).toEqual(idents);
  } finally {
    close(kq);
  }
});

onLinux('a disabled timer that is due does not stop the others', () => {
  const kernel = createLinuxKernel();
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  const list = new KeventList(1);
  const timer = { filter: EVFILT_TIMER, flags: EV_ADD };
  try {
    kevent(
      kq,
      [
        { ...timer, ident: 1, flags: EV_ADD | EV_DISABLE, data: 1 },
        { ...timer, ident: 2, data: 5 },
      ],
      null,
    );
    expect(kevent(kq, null, list, 5000)).toBe(1);
    expect(list.ident(0)).toBe(2);
  } finally {
    close(kq);
  }
});

onLinux('a period that is collected after another one continues', () => {
  let now = 1_000_000_000n;
  const calls = syscallsAt(() => now);
  const { kqueue, kevent, close } = calls;
  const kq = kqueue();
  const fflags = NOTE_NSECONDS;
  const timer = { filter: EVFILT_TIMER, fflags, data: 1000 };
  try {
    const changes = [
      { ...timer, ident: 1, flags: EV_ADD | EV_ONESHOT },
      { ...timer, ident: 2, flags: EV_ADD },
    ];
    kevent(kq, changes, null);
    now += 1000n;
    // Each call has room for one of the two.
    const one = new KeventList(1);
    const seen: (number | bigint)[] = [];
    for (let i = 0; i < POLLS && seen.length < 2; i++) {
      if (kevent(kq, null, one, 0) > 0) seen.push(one.ident(0));
    }
    expect(seen).toEqual([1, 2]);
    now += 1000n;
    expect(collectAll(calls, kq, 1)).toEqual([2]);
  } finally {
    close(kq);
  }
});

onLinux('an absolute time of that clock counts the sleep before', () => {
  const awake = 1_000_000_000n;
  const asleep = 3_600_000_000_000n;
  const { kqueue, kevent, close } = syscallsAt((clock) =>
    clock === CLOCK_BOOTTIME ? awake + asleep : awake,
  );
  const kq = kqueue();
  try {
    const timer = { filter: EVFILT_TIMER, flags: EV_ADD, data: asleep };
    const { constants } = darwin;
    const fflags = constants.NOTE_ABSOLUTE | constants.NOTE_MACHTIME;
    const sleeps = constants.NOTE_MACH_CONTINUOUS_TIME;
    const changes = [
      { ...timer, ident: 1, fflags },
      { ...timer, ident: 2, fflags: fflags | sleeps },
    ];
    kevent(kq, changes, null);
    const list = new KeventList(2);
    kevent(kq, null, list, 0);
    expect([...list].map(({ ident }) => ident)).toEqual([2]);
  } finally {
    close(kq);
  }
});

describe('the timerfd', () => {
  const MINUTE = 60_000;
  const add = (data: number) => [
    { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data },
  ];
  const remove = [{ ident: 1, filter: EVFILT_TIMER, flags: EV_DELETE }];

  /** A queue, the seconds until its timerfd fires, and how often it was set. */
  function subject() {
    const libc = bindLibc();
    const set: number[] = [];
    const kernel = createLinuxKernel({
      ...libc,
      timerfdSettime(fd, flags, value, old) {
        set.push(fd);
        return libc.timerfdSettime(fd, flags, value, old);
      },
    });
    const calls = syscallsOf(() => kernel);
    const kq = calls.kqueue();
    const seconds = (): number => {
      const info = readFileSync(`/proc/self/fdinfo/${set[0]}`, 'latin1');
      return Number(/^it_value: \((\d+)/m.exec(info)?.[1]);
    };
    return { ...calls, kq, seconds, set };
  }

  onLinux('is set at once to an earlier time', () => {
    const { kq, kevent, close, seconds } = subject();
    kevent(kq, add(10 * MINUTE), null);
    expect(seconds()).toBeGreaterThan(500);
    kevent(kq, add(MINUTE), null);
    expect(seconds()).toBeLessThanOrEqual(60);
    expect(seconds()).toBeGreaterThan(1);
    close(kq);
  });

  onLinux('is set to a time that takes more than 32 bits of seconds', () => {
    const { kq, kevent, close, seconds } = subject();
    const data = 2 ** 32 + 600;
    const [timer] = add(data);
    kevent(kq, [{ ...timer, fflags: NOTE_SECONDS }], null);
    expect(seconds()).toBeGreaterThan(2 ** 32);
    expect(seconds()).toBeLessThanOrEqual(data);
    close(kq);
  });

  onLinux('is set once in a turn if timers come and go', async () => {
    const { kq, kevent, close, seconds, set } = subject();
    for (let i = 0; i < 100; i++) {
      kevent(kq, add(MINUTE + i), null);
      kevent(kq, remove, null);
    }
    expect(set).toHaveLength(1);
    await undefined;
    expect(set).toHaveLength(2);
    expect(seconds()).toBe(0);
    close(kq);
  });

  onLinux('is set to a later time before a wait', () => {
    const { kq, kevent, close, seconds } = subject();
    const list = new KeventList(1);
    kevent(kq, add(MINUTE), null);
    kevent(kq, add(10 * MINUTE), null);
    expect(kevent(kq, null, list, 1)).toBe(0);
    expect(seconds()).toBeGreaterThan(500);
    kevent(kq, remove, null);
    expect(kevent(kq, null, list, 1)).toBe(0);
    expect(seconds()).toBe(0);
    close(kq);
  });

  onLinux('is set at once if it would fire soon', () => {
    const { kq, kevent, close, seconds, set } = subject();
    kevent(kq, add(500), null);
    kevent(kq, remove, null);
    expect(set).toHaveLength(2);
    expect(seconds()).toBe(0);
    close(kq);
  });

  onLinux('that other code closed is replaced once that is possible', () => {
    const EMFILE = 24;
    const libc = bindLibc();
    let isFull = false;
    let timerfd = -1;
    const kernel = createLinuxKernel({
      ...libc,
      timerfdCreate(clock, flags) {
        if (!isFull) {
          timerfd = libc.timerfdCreate(clock, flags);
          return timerfd;
        }
        libc.setErrno(EMFILE);
        return -1;
      },
    });
    const calls = syscallsOf(() => kernel);
    const { kqueue, kevent, close } = calls;
    const kq = kqueue();
    const [timer] = add(1);
    kevent(kq, [{ ...timer, data: MINUTE }], null);
    closeSync(timerfd);
    isFull = true;
    kevent(kq, [{ ...timer, ident: 2 }], null);
    expect(kevent(kq, null, new KeventList(1), 5)).toBe(0);
    isFull = false;
    // A later call finds it out.
    expect(collectAll(calls, kq, 1)).toEqual([2]);
    close(kq);
  });

  onLinux('of a queue that is closed in the same turn is not set', async () => {
    const { kq, kevent, close, set } = subject();
    kevent(kq, add(MINUTE), null);
    kevent(kq, remove, null);
    close(kq);
    await undefined;
    expect(set).toHaveLength(1);
  });
});
