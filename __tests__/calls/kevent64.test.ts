import {
  close,
  EV_ADD,
  EV_DELETE,
  EV_RECEIPT,
  EVFILT_TIMER,
  EVFILT_USER,
  KEVENT_FLAG_ERROR_EVENTS,
  KEVENT_FLAG_IMMEDIATE,
  Kevent64List,
  KeventList,
  type KqueueError,
  kernel,
  kevent,
  kevent64,
  kqueue,
  NOTE_LEEWAY,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { gate } from '../conformance/cases.js';

const onDarwin = gate(kernel.abi === 'darwin', 'only Darwin has kevent64');
const IMMEDIATE = KEVENT_FLAG_IMMEDIATE ?? 0;
const ERROR_EVENTS = KEVENT_FLAG_ERROR_EVENTS ?? 0;
const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD };
const fired = { ...user, fflags: NOTE_TRIGGER };

const open: number[] = [];
const queue = (): number => {
  const kq = kqueue();
  open.push(kq);
  return kq;
};

afterEach(() => {
  for (const kq of open.splice(0)) close(kq);
});

const codeOf = (body: () => unknown): string => {
  try {
    body();
    return 'none';
  } catch (error) {
    return (error as KqueueError).code;
  }
};

describe('the leeway of a timer', () => {
  const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 1 };
  const HUGE = 2n ** 64n - 1n;

  const cases: [string, number, bigint, bigint][] = [
    ['is reported in nanoseconds', NOTE_LEEWAY ?? 0, 3n, 3_000_000n],
    ['is 0 without NOTE_LEEWAY', 0, 3n, 0n],
    ['cannot overflow without NOTE_LEEWAY', 0, HUGE, 0n],
  ];
  for (const [what, fflags, given, reported] of cases) {
    onDarwin(what, () => {
      const kq = queue();
      const events = new Kevent64List(1);
      const change = { ...timer, fflags, ext: [7n, given] };
      kevent64(kq, [change], null, 0);
      expect(kevent64(kq, null, events, 0, 2000)).toBe(1);
      expect(events.get(0).ext).toEqual([0n, reported]);
    });
  }

  onDarwin('is that of the last change', () => {
    const kq = queue();
    const fflags = NOTE_LEEWAY ?? 0;
    kevent64(kq, [{ ...timer, fflags, ext: [0n, 3n] }], null, 0);
    kevent64(kq, [{ ...timer, fflags, ext: [0n, 2n ** 40n] }], null, 0);
    const events = new Kevent64List(1);
    expect(kevent64(kq, null, events, 0, 2000)).toBe(1);
    expect(events.get(0).ext).toEqual([0n, 2n ** 40n * 1_000_000n]);
  });

  onDarwin('is refused if it overflows', () => {
    const change = { ...timer, fflags: NOTE_LEEWAY ?? 0, ext: [0n, HUGE] };
    const kq = queue();
    expect(codeOf(() => kevent64(kq, [change], null, 0))).toBe('ERANGE');
  });
});

onDarwin('kevent64 returns all fields, including ext', () => {
  const kq = queue();
  const events = new Kevent64List(2);
  const ident = 2n ** 64n - 1n;
  const change = { ...fired, ident, data: -7, udata: 2n ** 63n + 1n };
  const ext = [5, 2n ** 64n - 2n];
  expect(kevent64(kq, [{ ...change, ext }], events, 0, 1000)).toBe(1);
  expect(events.get(0)).toEqual({
    ...change,
    ext: [5n, 2n ** 64n - 2n],
    flags: EV_ADD,
    fflags: NOTE_TRIGGER,
  });
});

onDarwin('separate entries do not overlap', () => {
  const kq = queue();
  const events = new Kevent64List(3);
  const changes = [1, 2, 3].map((ident) => ({ ...fired, ident, udata: ident }));
  expect(kevent64(kq, Kevent64List.of(...changes), events, 0, 0)).toBe(3);
  expect([...events].map(({ ident, udata }) => [ident, udata])).toEqual([
    [1, 1n],
    [2, 2n],
    [3, 3n],
  ]);
});

onDarwin('B12 a queue accepts only the call it was first used with', () => {
  const [narrow, wide] = [queue(), queue()];
  kevent(narrow, null, new KeventList(1), 0);
  kevent64(wide, null, new Kevent64List(1), 0, 0);
  expect(codeOf(() => kevent64(narrow, null, null, 0))).toBe('EINVAL');
  expect(codeOf(() => kevent(wide, null, null))).toBe('EINVAL');
});

onDarwin('C17 IMMEDIATE polls and ignores the timeout', () => {
  const kq = queue();
  const events = new Kevent64List(1);
  const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 5000 };
  expect(kevent64(kq, [timer], events, IMMEDIATE, null)).toBe(0);
  const bad = { tv_sec: 0, tv_nsec: -1 };
  expect(kevent64(kq, null, events, IMMEDIATE, bad)).toBe(0);
});

onDarwin('C17 ERROR_EVENTS reports only failed changes and receipts', () => {
  const kq = queue();
  const events = new Kevent64List(4);
  expect(kevent64(kq, [fired], events, ERROR_EVENTS, null)).toBe(0);
  const missing = { ...user, ident: 9, flags: EV_DELETE };
  const receipt = { ...user, ident: 2, flags: EV_ADD | EV_RECEIPT };
  expect(kevent64(kq, [missing, receipt], events, ERROR_EVENTS)).toBe(2);
  expect(kevent64(kq, null, events, 0, 0)).toBe(1);
});

onDarwin('rejects a list of the other struct before the call', () => {
  const kq = queue();
  const [narrow, wide] = [new KeventList(1), new Kevent64List(1)];
  expect(() => kevent(kq, null, wide, 0)).toThrow(TypeError);
  expect(() => kevent64(kq, null, narrow as Kevent64List, 0, 0)).toThrow(
    /Cannot call kevent64 as 'eventlist' must be/,
  );
  expect(() => kevent64(kq, null, wide, -1, 0)).toThrow(RangeError);
  expect(() => kevent64(kq, null, wide, 0.5, 0)).toThrow(RangeError);
});

gate(kernel.abi !== 'darwin', 'Darwin has kevent64')(
  'throws a clear error on a kernel without kevent64',
  () => {
    expect(codeOf(() => new Kevent64List(1))).toBe('ERR_KQUEUE_UNSUPPORTED');
  },
);

onDarwin(
  'rejects the private flags of kevent64 and ignores unknown ones',
  () => {
    const kq = queue();
    const list = new Kevent64List(1);
    for (const flag of [0x400, 0x20000, 0x40000]) {
      expect(codeOf(() => kevent64(kq, null, list, flag, 0))).toBe('EINVAL');
    }
    expect(kevent64(kq, null, list, 0x8, 0)).toBe(0);
  },
);
