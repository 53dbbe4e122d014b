// Descriptors that other code closes, and whose numbers come again: no event
// of theirs may be delivered as if it were the newcomer's.
import { closeSync, fchmodSync, fstatSync } from 'node:fs';
import fc from 'fast-check';
import { type KeventInit, KeventList, kevent } from '../../src/index.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ATTRIB,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import {
  dispose,
  dup,
  file,
  forget,
  isolate,
  kqueue,
  pipe,
  socketpair,
} from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

isolate();

/** A pipe or its dups: which ends are open, and its unread bytes. */
interface Channel {
  bytes: number;
  readonly readers: number[];
  readonly writers: number[];
  /**
   * Its former descriptors. A file put back at one of them would be mistaken
   * for itself.
   */
  readonly former: Set<number>;
}

/** A watched read end, which lasts until its number is closed. */
interface Registration {
  readonly channel: Channel;
  readonly udata: bigint;
}

/** So few that numbers come again soon. */
const MOST = 4;

/** The state on Darwin, and the descriptors open here. */
class Model {
  readonly registrations = new Map<number, Registration>();
  readonly channels: Channel[] = [];
  #serial = 0n;

  open(): void {
    if (this.channels.length === MOST) this.forsake(this.channels[0]);
    const [r, w] = libc.pipe();
    this.channels.push({
      bytes: 0,
      readers: [r],
      writers: [w],
      former: new Set(),
    });
  }

  close(channel: Channel, ends: number[]): void {
    const fd = ends.pop();
    if (fd === undefined) return;
    // As other code would: the library is not reported.
    closeSync(fd);
    this.registrations.delete(fd);
    channel.former.add(fd);
    if (channel.readers.length === 0) channel.bytes = 0;
  }

  register(kq: number, channel: Channel, flags: number): void {
    const ident = channel.readers.at(-1);
    if (ident === undefined) return;
    const udata = ++this.#serial;
    kevent(kq, [{ ident, filter: EVFILT_READ, flags, udata }], null);
    this.registrations.set(ident, { channel, udata });
  }

  /** Close all of a channel, which frees its numbers. */
  forsake(channel: Channel): void {
    this.channels.splice(this.channels.indexOf(channel), 1);
    while (channel.readers.length > 0) this.close(channel, channel.readers);
    while (channel.writers.length > 0) this.close(channel, channel.writers);
  }

  /** The pending event of a level-triggered reader. */
  get ready(): string[] {
    return [...this.registrations]
      .filter(
        ([, { channel }]) => channel.bytes > 0 || channel.writers.length === 0,
      )
      .map(([fd, { channel, udata }]) => `${fd} ${channel.bytes} ${udata}`)
      .sort();
  }

  dispose(): void {
    for (const channel of [...this.channels]) this.forsake(channel);
  }
}

type Act = (model: Model, channel: Channel, kq: number) => void;

const ACTS: readonly Act[] = [
  (model) => model.open(),
  (model, channel) => model.close(channel, channel.readers),
  (model, channel) => model.close(channel, channel.writers),
  (_, channel) => {
    const fd = channel.readers.at(-1);
    if (fd === undefined) return;
    const dup = libc.dup(fd);
    if (channel.former.has(dup)) closeSync(dup);
    else channel.readers.push(dup);
  },
  (_, channel) => {
    const fd = channel.writers.at(-1);
    if (fd === undefined || channel.readers.length === 0) return;
    libc.write(fd, 3);
    channel.bytes += 3;
  },
  (_, channel) => {
    const fd = channel.readers.at(-1);
    if (fd === undefined || channel.bytes === 0) return;
    libc.read(fd, channel.bytes);
    channel.bytes = 0;
  },
  (model, channel, kq) => model.register(kq, channel, EV_ADD),
  (model, channel, kq) => model.register(kq, channel, EV_ADD),
];

const events = new KeventList(64);

onLinux('reports only the current registrations of reused descriptors', () => {
  const step = fc.tuple(fc.nat(ACTS.length - 1), fc.nat(98), fc.boolean());
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
      const kq = kqueue();
      const model = new Model();
      model.open();
      try {
        for (const [act, which, polls] of steps) {
          const { channels } = model;
          ACTS[act](model, channels[which % channels.length], kq);
          if (!polls) continue;
          kevent(kq, null, events, 0);
          const reported = [...events].map(
            ({ ident, data, udata }) => `${ident} ${data} ${udata}`,
          );
          expect(reported.sort()).toEqual(model.ready);
        }
      } finally {
        model.dispose();
        dispose();
      }
    }),
    { numRuns: 200 },
  );
});

onLinux(
  'a descriptor reused a thousand times does not report its former file',
  () => {
    const kq = kqueue();
    const idents = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      const [r, w] = libc.pipe();
      idents.add(r);
      const flags = i % 3 === 0 ? EV_ADD | EV_CLEAR : EV_ADD;
      kevent(kq, [{ ident: r, filter: EVFILT_READ, flags }], null);
      // An uncollected event, of a pipe that may live on.
      if (i % 2 === 0) libc.write(w, 1);
      const survivor = i % 4 < 2 ? libc.dup(r) : undefined;
      closeSync(r);
      const [newcomer, other] = libc.pipe();
      expect(newcomer).toBe(r);
      libc.write(other, 5);
      expect(kevent(kq, null, events, 0)).toBe(0);
      for (const fd of [w, newcomer, other]) closeSync(fd);
      if (survivor !== undefined) closeSync(survivor);
    }
    expect(idents.size).toBeLessThan(10);
  },
);

onLinux('a file that returns to its descriptor is watched again', () => {
  const kq = kqueue();
  const watch = (ident: number, udata: number) =>
    kevent(kq, [{ ident, filter: EVFILT_READ, flags: EV_ADD, udata }], null);
  const reported = (): unknown[] => {
    kevent(kq, null, events, 0);
    return [...events].map(({ ident, data, udata }) => [
      ident,
      data,
      Number(udata),
    ]);
  };
  const [r, w] = pipe();
  watch(r, 1);
  const copy = dup(r);
  closeSync(r);
  libc.write(w, 1);
  expect(reported()).toEqual([]);
  // Restored by the dup: epoll had it under this descriptor all the time.
  libc.dup2(copy, r);
  watch(r, 2);
  expect(reported()).toEqual([[r, 1, 2]]);

  // Once more, with another file at the number in between.
  const [other, into] = pipe();
  libc.dup2(other, r);
  watch(r, 3);
  libc.dup2(copy, r);
  watch(r, 4);
  expect(reported()).toEqual([[r, 1, 4]]);
  libc.write(into, 1);
  libc.write(w, 1);
  expect(reported()).toEqual([[r, 2, 4]]);
});

const TIMER = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 1 };

onLinux(
  'a descriptor reused by the library does not report its former file',
  () => {
    const reported = (kq: number, timeout: number): number[] => {
      kevent(kq, null, events, timeout);
      return [...events].map(({ filter }) => filter);
    };
    const SOON = 5000;
    const [into, out] = pipe();
    const { fd } = file(1);
    const others: (readonly [KeventInit, () => unknown])[] = [
      [TIMER, () => {}],
      [
        { ident: into, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR },
        () => libc.write(out, 1),
      ],
      [
        {
          ident: fd,
          filter: EVFILT_VNODE,
          flags: EV_ADD | EV_CLEAR,
          fflags: NOTE_ATTRIB,
        },
        () => fchmodSync(fd, 0o400),
      ],
    ];
    for (const [other, happen] of others) {
      const kq = kqueue();
      const [r, w] = libc.pipe();
      const first = { ident: r, filter: EVFILT_READ };
      kevent(kq, [{ ...first, flags: EV_ADD }], null);
      closeSync(r);
      // What the library needs for it has the number now.
      kevent(kq, [other], null);
      expect(fstatSync(r)).toBeDefined();
      expect(() => kevent(kq, [{ ...first, flags: EV_DELETE }], null)).toThrow(
        expect.objectContaining({ code: 'ENOENT' }),
      );
      happen();
      expect(reported(kq, SOON)).toEqual([other.filter]);
      closeSync(w);
    }
  },
);

onLinux('a number that gets the other end of its pipe again is not it', () => {
  const q = kqueue();
  const list = new KeventList(4);
  const [r, w] = pipe();
  const fd = dup(w);
  libc.write(w, 1);
  kevent(q, [{ ident: fd, filter: EVFILT_WRITE, flags: EV_ADD }], null);
  expect(kevent(q, null, list, 0)).toBe(1);
  // The epoll still has the number as the write end, which is open.
  libc.dup2(r, fd);
  kevent(q, [{ ident: fd, filter: EVFILT_READ, flags: EV_ADD }], null);
  expect(kevent(q, null, list, 0)).toBe(1);
  expect(list.filter(0)).toBe(EVFILT_READ);
  libc.dup2(w, fd);
  expect(kevent(q, null, list, 0)).toBe(0);
});

onLinux('a closed socket sends nothing through the next one', () => {
  const kq = kqueue();
  const [watched, peer] = socketpair();
  dup(watched);
  const list = new KeventList(4);
  const flags = EV_ADD | EV_CLEAR;
  kevent(kq, [{ ident: watched, filter: EVFILT_WRITE, flags }], list);
  kevent(kq, null, list, 0);
  const [datagrams, receiver] = socketpair(libc.SOCK_DGRAM);
  libc.dup2(datagrams, watched);
  closeSync(peer);
  forget(peer);
  // The hang-up of the old socket, which is open by its duplicate.
  expect(kevent(kq, null, list, 0)).toBe(0);
  expect(libc.poll(receiver)).toBe(0);
});

const watch = (kq: number, ident: number) =>
  kevent(kq, [{ ident, filter: EVFILT_READ, flags: EV_ADD }], null);

onLinux(
  'an event stays although the epoll knows two files by its number',
  () => {
    const kq = kqueue();
    const [r] = pipe();
    const [other, writer] = pipe();
    watch(kq, r);
    // The first file lives on in a dup while another takes its descriptor.
    dup(r);
    libc.dup2(other, r);
    watch(kq, r);
    libc.write(writer, 1);
    const list = new KeventList(4);
    for (let i = 0; i < 3; i++) {
      expect(kevent(kq, null, list, 0)).toBe(1);
      expect(list.ident(0)).toBe(r);
    }
  },
);

/** Close a descriptor, while a duplicate keeps its file open. */
function closeButForDup(fd: number): void {
  dup(fd);
  closeSync(fd);
  forget(fd);
}

onLinux(
  'a queue has no event while another has only that of a closed fd',
  () => {
    const [parent, child] = [kqueue(), kqueue()];
    const [reader, writer] = pipe();
    const [other, otherWriter] = pipe();
    watch(parent, child);
    watch(child, reader);
    watch(child, other);
    closeButForDup(reader);
    libc.write(writer, 1);
    const list = new KeventList(4);
    expect(kevent(parent, null, list, 0)).toBe(0);
    libc.write(otherWriter, 1);
    expect(kevent(parent, null, list, 0)).toBe(1);
    expect(kevent(child, null, list, 0)).toBe(1);
    expect(list.ident(0)).toBe(other);
  },
);

onLinux('nor has one above both', () => {
  const [top, middle, bottom] = [kqueue(), kqueue(), kqueue()];
  const [reader, writer] = pipe();
  const [other, otherWriter] = pipe();
  watch(bottom, reader);
  watch(bottom, other);
  watch(middle, bottom);
  watch(top, middle);
  closeButForDup(reader);
  libc.write(writer, 1);
  const list = new KeventList(4);
  expect(kevent(top, null, list, 0)).toBe(0);
  expect(libc.poll(top)).toBe(0);
  libc.write(otherWriter, 1);
  expect(kevent(top, null, list, 0)).toBe(1);
  expect(kevent(middle, null, list, 0)).toBe(1);
  expect(kevent(bottom, null, list, 0)).toBe(1);
  expect(list.ident(0)).toBe(other);
});

onLinux('a queue above two that watch each other can be collected', () => {
  const [top, first, second] = [kqueue(), kqueue(), kqueue()];
  const [third, fourth] = [kqueue(), kqueue()];
  const [reader, writer] = pipe();
  // Darwin compares levels, and does not search for circles: rule B8.
  watch(first, second);
  watch(third, fourth);
  watch(second, fourth);
  watch(second, third);
  watch(second, first);
  watch(second, reader);
  watch(top, first);
  libc.write(writer, 1);
  const list = new KeventList(4);
  expect(kevent(second, null, list, 0)).toBe(2);
  libc.read(reader, 1);
  expect(kevent(second, null, list, 0)).toBe(1);
  expect(list.ident(0)).toBe(first);
  expect(kevent(top, null, list, 0)).toBe(1);
  expect(list.ident(0)).toBe(first);
});
