import { type KernelName, kernels } from '../../src/abi.js';
import {
  EV_ADD,
  EVFILT_TIMER,
  type Explainable,
  explain,
  KeventList,
  Kqueue,
  type KqueueEvent,
  type Step,
} from '../../src/index.js';

const { constants: c } = kernels.darwin;
const darwin = (x: Explainable): string => explain(x, { kernel: 'darwin' });

test.each<[line: string, kevent: Explainable]>([
  [
    '{7 READ ADD|CLEAR}',
    { ident: 7, filter: c.EVFILT_READ, flags: c.EV_ADD | c.EV_CLEAR },
  ],
  [
    '{7 READ EOF data=12}',
    { ident: 7, filter: c.EVFILT_READ, flags: c.EV_EOF, data: 12 },
  ],
  [
    '{1 TIMER ADD data=250 NOTE_USECONDS}',
    { ident: 1, filter: -7, flags: 1, fflags: c.NOTE_USECONDS, data: 250 },
  ],
  [
    '{999 READ ADD|ERROR data=EBADF}',
    { ident: 999, filter: -1, flags: 0x4001, data: 9 },
  ],
  [
    '{999 READ ADD|RECEIPT|ERROR data=0}',
    { ident: 999, filter: -1, flags: 0x4041, data: 0 },
  ],
  [
    '{999 READ ERROR data=4242}',
    { ident: 999, filter: -1, flags: 0x4000, data: 4242 },
  ],
  [
    '{7 WRITE EOF error=ECONNRESET}',
    { ident: 7, filter: -2, flags: 0x8000, fflags: 54 },
  ],
  ['{SIGUSR1 SIGNAL ADD}', { ident: 30, filter: -6, flags: 1 }],
  ['{64 SIGNAL}', { ident: 64, filter: -6 }],
  [
    '{42 PROC ONESHOT|EOF data=256 NOTE_EXIT|NOTE_EXITSTATUS exit=1}',
    { ident: 42, filter: -5, flags: 0x8010, fflags: 0x84000000, data: 256 },
  ],
  [
    '{42 PROC ONESHOT|EOF data=9 NOTE_EXIT|NOTE_EXITSTATUS signal=SIGKILL}',
    { ident: 42, filter: -5, flags: 0x8010, fflags: 0x84000000, data: 9 },
  ],
  [
    '{42 PROC ADD NOTE_EXIT}',
    { ident: 42, filter: -5, flags: 1, fflags: 0x80000000 | 0 },
  ],
  [
    '{3 USER NOTE_FFCOPY|NOTE_TRIGGER|0x5}',
    { ident: 3, filter: -10, fflags: 0xc1000005 },
  ],
  ['{0 READ udata=0x2a}', { ident: 0, filter: -1, udata: 42 }],
  [
    '{0xffffffffffffffff READ data=-1 udata=0x8000000000000000}',
    { ident: 2n ** 64n - 1n, filter: -1, data: -1n, udata: 2n ** 63n },
  ],
])('%s', (line, kevent) => {
  expect(darwin(kevent)).toBe(line);
});

test('names a bit by its filter and its kernel', () => {
  const bit = { ident: 4, fflags: 1 };
  expect(darwin({ ...bit, filter: -1 })).toBe('{4 READ NOTE_LOWAT}');
  expect(darwin({ ...bit, filter: -4 })).toBe('{4 VNODE NOTE_DELETE}');
  expect(darwin({ ...bit, filter: -7 })).toBe('{4 TIMER NOTE_SECONDS}');
  const timer = { ident: 1, filter: -7, flags: 1, fflags: 2, data: 250 };
  const units = Object.keys(kernels).map((kernel) => [
    kernel,
    explain(
      {
        ...timer,
        filter: kernels[kernel as KernelName].constants.EVFILT_TIMER,
      },
      { kernel: kernel as KernelName },
    ),
  ]);
  expect(Object.fromEntries(units)).toEqual({
    darwin: '{1 TIMER ADD data=250 NOTE_USECONDS}',
    freebsd: '{1 TIMER ADD data=250 NOTE_MSECONDS}',
    openbsd: '{1 TIMER ADD data=250 NOTE_USECONDS}',
    netbsd: '{1 TIMER ADD data=250 NOTE_USECONDS}',
    dragonfly: '{1 TIMER ADD data=250 0x2}',
    libkqueue: '{1 TIMER ADD data=250 NOTE_USECONDS}',
  });
});

test('accepts a table in place of the name of a kernel', () => {
  const kevent = { ident: 4, filter: -8, fflags: 1 };
  expect(explain(kevent, { kernel: kernels.freebsd })).toBe(
    explain(kevent, { kernel: 'freebsd' }),
  );
  expect(explain(kevent, { kernel: 'freebsd' })).toBe('{4 PROCDESC 0x1}');
});

test('prints unknown bits in hex and unknown filters as numbers', () => {
  expect(darwin({ ident: 1, filter: -77, flags: 0x801, fflags: 5 })).toBe(
    '{1 -77 ADD|0x800 fflags=0x5}',
  );
  expect(darwin({ ident: 1, filter: -4, fflags: 0x40000001 })).toBe(
    '{1 VNODE NOTE_DELETE|0x40000000}',
  );
});

test('prints the words of ext if one is set', () => {
  const kevent = { ident: 1, filter: -1 };
  const freebsd = (ext: bigint[]) =>
    explain({ ...kevent, ext }, { kernel: 'freebsd' });
  expect(freebsd([0n, 0n])).toBe('{1 READ}');
  expect(freebsd([0n, 31n])).toBe('{1 READ ext=[0x0, 0x1f]}');
});

test('explains a kevent with any value in its fields', () => {
  const odd = [Number.NaN, 1.5, -0, Infinity, '7', null, {}, [], Symbol('s')];
  for (const value of odd) {
    for (const field of ['flags', 'fflags', 'data', 'udata', 'ext']) {
      const kevent = { ident: 1, filter: -1, [field]: value } as never;
      expect(darwin(kevent)).toMatch(/^\{1 READ.*\}$/);
    }
  }
  expect(darwin({ ident: -1n, filter: Number.NaN, flags: 1.5 })).toBe(
    '{-1 NaN flags=1.5}',
  );
});

test.each([
  [null],
  [undefined],
  [7],
  ['{7 READ}'],
  [{}],
  [[]],
  [{ ident: 7 }],
  [{ filter: -1 }],
  [{ filter: 'nothing', fd: 1 }],
  [{ op: 'trigger' }],
  [() => {}],
])('rejects %p as a kevent', (value) => {
  expect(() => explain(value as never)).toThrow(TypeError);
});

test('rejects an unknown kernel', () => {
  const kevent = { ident: 1, filter: -1 };
  expect(() => explain(kevent, { kernel: 'linux' as never })).toThrow(
    new RangeError(
      "Cannot explain a kevent as 'kernel' must be a kernel's table or one of darwin, freebsd, openbsd, netbsd, dragonfly, libkqueue: received \"linux\"",
    ),
  );
  expect(() => explain(kevent, { kernel: 7 as never })).toThrow(TypeError);
  expect(() => explain(kevent, null as never)).toThrow(TypeError);
});

test('explains a whole list with the names of its kernel', () => {
  const list = new KeventList(300);
  for (let ident = 0; ident < 300; ident++) {
    list.push({ ident, filter: EVFILT_TIMER, flags: EV_ADD, data: 1 });
  }
  const line = explain(list);
  expect(line.match(/TIMER ADD data=1/g)).toHaveLength(300);
  expect(line).toMatch(/^\[\{0 TIMER ADD data=1\}, .*\{299 .*\}\]$/);
  expect(explain(new KeventList(2))).toBe('[]');
});

test.each<[line: string, step: Step]>([
  [
    '{1 TIMER ADD data=250 NOTE_USECONDS}',
    { filter: 'timer', id: 1, every: { us: 250 } },
  ],
  [
    '{3 VNODE ADD|CLEAR NOTE_DELETE|NOTE_RENAME}',
    { filter: 'vnode', fd: 3, notes: ['delete', 'rename'] },
  ],
  [
    '{3 READ data=5 NOTE_LOWAT}',
    { op: 'modify', filter: 'read', fd: 3, lowWater: 5 },
  ],
  ['{3 READ DELETE}', { op: 'delete', filter: 'read', fd: 3 }],
  ['{9 USER ENABLE}', { op: 'enable', filter: 'user', id: 9 }],
  ['{9 USER DISABLE}', { op: 'disable', filter: 'user', id: 9 }],
  [
    '{9 USER NOTE_FFCOPY|NOTE_TRIGGER|0x3}',
    { op: 'trigger', id: 9, fflags: 3 },
  ],
  [
    '{1 VM ADD NOTE_VM_PRESSURE}',
    {
      filter: 'raw',
      kevent: { ident: 1, filter: -12, fflags: 0x80000000 },
    },
  ],
])('explains a typed change as the kevent it becomes: %s', (line, step) => {
  expect(darwin(step)).toBe(line);
});

test('prints an event of a queue as the kernel reported it, without the token', async () => {
  using kq = new Kqueue<string>();
  kq.add({ filter: 'timer', id: 5, after: 1, udata: 'mine' });
  const event = (await kq.next()) as KqueueEvent<string>;
  expect(event.raw.udata).not.toBe(0);
  expect(explain(event)).toMatch(/^\{5 TIMER [A-Z|]+ data=\d+\}$/);
});
