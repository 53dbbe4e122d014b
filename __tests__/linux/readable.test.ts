// The descriptor of a queue is readable while events are pending, and no longer:
// otherwise an event loop that watches it misses them, or never rests.
import { closeSync, openSync } from 'node:fs';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_USER,
  type KeventInit,
  KeventList,
  kevent,
  NOTE_TRIGGER,
} from '../../src/index.js';
import * as libc from '../conformance/libc.js';
import {
  adopt,
  close,
  closeElsewhere,
  descriptors,
  dup,
  dupQueue,
  isolate,
  kqueue,
  pipe,
} from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

isolate();

const change = (kq: number, ...changes: KeventInit[]): void => {
  kevent(kq, changes, null);
};
const add = (ident: number): KeventInit => ({
  ident,
  filter: EVFILT_USER,
  flags: EV_ADD | EV_CLEAR,
});
const trigger = (ident: number): KeventInit => ({
  ident,
  filter: EVFILT_USER,
  fflags: NOTE_TRIGGER,
});
/** The idents of up to so many events. */
function collect(kq: number, most = 8): number[] {
  const list = new KeventList(most);
  kevent(kq, null, list, 0);
  return [...list].map(({ ident }) => Number(ident));
}
const isReadable = (fd: number): boolean => libc.poll(fd) !== 0;

onLinux('a queue stays readable until its last event is collected', () => {
  const kq = kqueue();
  change(kq, add(1), add(2), add(3));
  change(kq, trigger(1), trigger(2), trigger(3));
  for (const ident of [1, 2, 3]) {
    expect(isReadable(kq)).toBe(true);
    expect(collect(kq, 1)).toEqual([ident]);
  }
  expect(isReadable(kq)).toBe(false);
});

onLinux('a trigger that is refused does not make its queue readable', () => {
  const kq = kqueue();
  change(kq, add(1));
  expect(() => change(kq, trigger(2))).toThrow('ENOENT');
  expect(isReadable(kq)).toBe(false);
});

onLinux('a deleted event does not keep its queue readable', () => {
  const kq = kqueue();
  change(kq, add(1));
  change(kq, trigger(1));
  change(kq, { ...add(1), flags: EV_DELETE });
  expect(isReadable(kq)).toBe(false);
});

onLinux('a dup is not readable because the other descriptor is closed', () => {
  const kq = kqueue();
  change(kq, add(1));
  const copy = dupQueue(kq);
  close(kq);
  expect(isReadable(copy)).toBe(false);
  change(copy, trigger(1));
  expect(isReadable(copy)).toBe(true);
  expect(collect(copy)).toEqual([1]);
  expect(isReadable(copy)).toBe(false);
});

onLinux('a dup is readable after a call on the lost descriptor failed', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  change(kq, add(1));
  const copy = dupQueue(kq);
  closeElsewhere(kq);
  expect(() => change(kq, trigger(1))).toThrow('EBADF');
  expect(isReadable(copy)).toBe(false);
  // Its event is pending, but it is not a trigger that makes it so.
  libc.write(w, 1);
  const read = { ident: r, filter: EVFILT_READ, flags: EV_ADD };
  change(copy, read, { ...add(2), fflags: NOTE_TRIGGER });
  libc.read(r, 1);
  expect(isReadable(copy)).toBe(true);
  expect(collect(copy)).toEqual([2]);
  expect(isReadable(copy)).toBe(false);
});

onLinux('an eventfd that was moved does not keep a queue readable', () => {
  const before = new Set(descriptors());
  const kq = kqueue();
  const made = (descriptors() ?? []).filter((line) => !before.has(line));
  const eventfd = Number.parseInt(
    made.find((line) => line.endsWith('[eventfd]')) ?? '-1',
    10,
  );
  const [r, w] = pipe();
  change(kq, { ident: r, filter: EVFILT_READ, flags: EV_ADD });
  change(kq, add(1));
  libc.write(w, 1);
  change(kq, trigger(1));
  expect(collect(kq)).toEqual([r, 1]);
  for (let i = 0; i < 3; i++) expect(collect(kq)).toEqual([r]);
  dup(eventfd);
  const file = openSync('/dev/null', 'r');
  libc.dup2(file, eventfd);
  closeSync(file);
  adopt(eventfd);
  expect(collect(kq)).toEqual([r]);
  expect(isReadable(kq)).toBe(true);
  libc.read(r, 1);
  for (let i = 0; i < 70; i++) expect(collect(kq)).toEqual([]);
  expect(isReadable(kq)).toBe(false);
});

/** A queue whose eventfd other code has closed since `prepare`. */
function withoutEventfd(prepare: (kq: number) => void): number {
  const before = new Set(descriptors());
  const kq = kqueue();
  const made = (descriptors() ?? []).filter((line) => !before.has(line));
  const line = made.find((each) => each.endsWith('[eventfd]')) ?? '';
  prepare(kq);
  closeElsewhere(Number.parseInt(line, 10));
  return kq;
}

onLinux('a queue without its eventfd is readable for one more event', () => {
  const kq = withoutEventfd((kq) => {
    change(kq, { ...add(1), flags: EV_ADD }, add(2));
    change(kq, trigger(1));
    for (let i = 0; i < 3; i++) expect(collect(kq)).toEqual([1]);
  });
  change(kq, trigger(2));
  expect(isReadable(kq)).toBe(true);
  expect(collect(kq)).toEqual([1, 2]);
});

onLinux('a queue without its eventfd is readable for the rest', () => {
  const pipes = [pipe(), pipe()];
  const kq = withoutEventfd((kq) => {
    for (const [ident] of pipes) {
      change(kq, { ident, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR });
    }
    expect(collect(kq)).toEqual([]);
  });
  for (const [, w] of pipes) libc.write(w, 1);
  const [[first], [second]] = pipes;
  expect(collect(kq, 1)).toEqual([first]);
  expect(isReadable(kq)).toBe(true);
  expect(collect(kq)).toEqual([second]);
  expect(isReadable(kq)).toBe(false);
});
