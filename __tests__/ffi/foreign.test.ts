// The whole library over kernels of other systems: their structs, numbers and habits
// through FFI, with the built-in kernel behind them. See support/foreign-kernel.ts.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelName } from '../../src/abi/kernels.js';
import { gate, timed } from '../conformance/cases.js';
import { close, pipe } from '../conformance/libc.js';
import {
  type ForeignKernel,
  foreignKernel,
  type Habits,
} from '../support/foreign-kernel.js';

type Api = typeof import('../../src/index.js');

const OLD_NETBSD: Habits = {
  isUnitless: true,
  keepsTimers: true,
  isWithoutReceipts: true,
  isWithoutUser: true,
};

interface Subject {
  readonly title: string;
  readonly name: KernelName;
  readonly habits?: Habits;
}

const subjects: readonly Subject[] = [
  { title: 'Darwin', name: 'darwin' },
  { title: 'FreeBSD', name: 'freebsd', habits: { isStrict: true } },
  { title: 'NetBSD 10', name: 'netbsd', habits: { isStrict: true } },
  { title: 'NetBSD 9', name: 'netbsd', habits: OLD_NETBSD },
  { title: 'OpenBSD 7.8', name: 'openbsd', habits: { isStrict: true } },
  {
    title: 'OpenBSD 7.3',
    name: 'openbsd',
    habits: { isUnitless: true, keepsTimers: true, isWithoutUser: true },
  },
  { title: 'DragonFly', name: 'dragonfly', habits: { isUnitless: true } },
  { title: 'libkqueue', name: 'libkqueue' },
];

const onLinux = gate(
  process.platform === 'linux',
  'the kernel behind is Linux’s',
);

describe.each(subjects)('on $title', ({ name, habits = {} }) => {
  let foreign: ForeignKernel;
  let api: Api;
  const fds: number[] = [];
  const hasUnits = !habits.isUnitless && name !== 'dragonfly';

  beforeAll(() => {
    if (process.platform !== 'linux') return;
    foreign = foreignKernel(name, habits);
    process.env.KQUEUE_FFI_LIBRARY = 'libc.so.6';
    process.env.KQUEUE_FFI_ABI = name;
    jest.resetModules();
    jest.doMock('../../src/ffi/native-kernel.js', () => ({
      ...jest.requireActual('../../src/ffi/native-kernel.js'),
      loadFfiKernel: () => foreign.kernel,
    }));
    api = require('../../src/index.js') as Api;
  });
  afterEach(() => {
    for (const fd of fds.splice(0)) close(fd);
  });
  afterAll(() => {
    delete process.env.KQUEUE_FFI_LIBRARY;
    delete process.env.KQUEUE_FFI_ABI;
    jest.dontMock('../../src/ffi/native-kernel.js');
    jest.resetModules();
    foreign?.[Symbol.dispose]();
  });

  const newPipe = (): [number, number] => {
    const ends = pipe();
    fds.push(...ends);
    return ends;
  };

  onLinux('passes the doctor', async () => {
    const { findings, kernel } = await api.doctor();
    expect(findings.filter(({ ok }) => ok === false)).toEqual([]);
    expect(kernel.abi).toBe(name);
    const timers = findings.find((finding) => finding.name === 'timers');
    expect(timers?.ok).toBe(hasUnits ? true : null);
  });

  onLinux('pipes report readable bytes and EOF', async () => {
    using kq = new api.Kqueue<string>();
    const [r, w] = newPipe();
    kq.add({ filter: 'read', fd: r, udata: 'r' });
    writeSync(w, 'abc');
    const [event] = kq.wait({ timeout: 5000 });
    expect(event).toMatchObject({ filter: 'read', fd: r, udata: 'r' });
    expect(event).toMatchObject({ available: 3, eof: false });
    close(w);
    fds.splice(fds.indexOf(w), 1);
    const end = await kq.next({ timeout: 5000 });
    expect(end).toMatchObject({ filter: 'read', available: 3, eof: true });
  });

  onLinux('a file reports its changes by name', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
    const fd = openSync(join(folder, 'file'), 'w');
    try {
      using kq = new api.Kqueue();
      kq.add({ filter: 'vnode', fd, notes: ['write', 'extend', 'delete'] });
      writeSync(fd, 'x');
      const [written] = kq.wait({ timeout: 5000 });
      expect(written).toMatchObject({ filter: 'vnode', fd });
      expect(written).toHaveProperty(
        'notes',
        expect.arrayContaining(['write', 'extend']),
      );
      rmSync(folder, { recursive: true });
      const [gone] = kq.wait({ timeout: 5000 });
      expect(gone).toHaveProperty('notes', expect.arrayContaining(['delete']));
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  for (const [when, ms] of [
    [{ after: 20 }, 20],
    [{ after: { us: 12_500 } }, 12.5],
    [{ after: { ns: 12_000_001 } }, 12],
    [{ after: 12.25 }, 12.25],
    [{ after: { s: 0.02 } }, 20],
    [{ every: { us: 12_500 } }, 12.5],
  ] as const) {
    onLinux(`a timer of ${JSON.stringify(when)} does not fire early`, () =>
      timed(() => {
        using kq = new api.Kqueue();
        // The time of another that it replaces does not stay.
        kq.add({ filter: 'timer', id: 1, after: 60_000 });
        kq.modify({ filter: 'timer', id: 1, ...when });
        const start = performance.now();
        expect(kq.wait({ timeout: 3000 })).toMatchObject([
          { filter: 'timer', id: 1 },
        ]);
        const elapsed = performance.now() - start;
        expect(elapsed).toBeGreaterThan(ms - 1);
        expect(elapsed).toBeLessThan(ms + 200);
      }),
    );
  }

  onLinux('an absolute time is waited for, or refused', () => {
    using kq = new api.Kqueue();
    const at = Date.now() + 30;
    for (const when of [new Date(at), at, { us: at * 1000 + 1 }]) {
      const add = () => kq.add({ filter: 'timer', id: 1, at: when });
      if (!hasUnits) {
        expect(add).toThrow(
          expect.objectContaining({ code: 'ERR_KQUEUE_UNSUPPORTED' }),
        );
        continue;
      }
      add();
      expect(kq.wait({ timeout: 3000 })).toHaveLength(1);
      expect(Date.now()).toBeGreaterThanOrEqual(at - 1);
    }
    expect(kq.size).toBe(0);
  });

  onLinux('an interval counts periods of fractional milliseconds', () =>
    timed(async () => {
      const start = performance.now();
      for await (const { count } of api.interval({ us: 7500 })) {
        const elapsed = performance.now() - start;
        expect(elapsed).toBeGreaterThan(count * 7.5 - 1);
        if (elapsed < 60) continue;
        expect(count).toBeGreaterThan((elapsed - 40) / 7.5 - 1);
        break;
      }
    }),
  );

  onLinux('a queue nested twice wakes the event loop', async () => {
    using top = new api.Kqueue<string>();
    using middle = new api.Kqueue<string>();
    using bottom = new api.Kqueue<string>();
    const [r, w] = newPipe();
    bottom.add({ filter: 'read', fd: r, udata: 'pipe' });
    middle.add({ filter: 'read', fd: bottom.fd, udata: 'bottom' });
    top.add({ filter: 'read', fd: middle.fd, udata: 'middle' });
    const waiting = top.next({ timeout: 5000 });
    writeSync(w, 'x');
    expect((await waiting)?.udata).toBe('middle');
    expect(middle.poll()[0]?.udata).toBe('bottom');
    expect(bottom.poll()[0]?.udata).toBe('pipe');
  });

  onLinux('the exit status of a child is reported', async () => {
    const child = spawn('sh', ['-c', 'read _; exit 3']);
    const { pid = 0 } = child;
    const exit = api.exited(pid);
    child.stdin.end('\n');
    expect(await exit).toMatchObject({ code: 3, signal: null });
  });

  onLinux('each failed change is reported', () => {
    using kq = new api.Kqueue();
    const [r] = newPipe();
    const results = kq.apply([
      { filter: 'read', fd: r },
      { op: 'delete', filter: 'write', fd: r },
      { filter: 'timer', id: 7, after: 60_000 },
      { op: 'disable', filter: 'timer', id: 7 },
      { op: 'delete', filter: 'timer', id: 7 },
      { op: 'delete', filter: 'timer', id: 7 },
    ]);
    expect(results.map(({ error }) => error?.code)).toEqual([
      undefined,
      'ENOENT',
      undefined,
      undefined,
      undefined,
      'ENOENT',
    ]);
    expect(kq.size).toBe(1);
  });
});
