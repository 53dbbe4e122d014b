// Plays a random program on the kernel in use and on the reference, and says
// where they part.
import { errnoName } from '../../src/abi.js';
import {
  type Kevent,
  KeventList,
  KqueueError,
  kevent,
} from '../../src/index.js';
import { line } from '../conformance/calls.js';
import {
  EV_CLEAR,
  EV_EOF,
  EV_ERROR,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_WRITE,
  NOTE_LOWAT,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import * as world from '../conformance/world.js';
import type { Change, Program, Size, Step } from './program.js';
import {
  type Entry,
  type Knote,
  type OpenFile,
  Pipe,
  ReferenceProcess,
  type ReferenceQueue,
  SOME_SPACE,
  Socket,
} from './reference.js';

/** The first descriptor of a program: nothing else is open from there on. */
const FIRST = 300;
/** Less than any pipe or socket holds. */
const MOST_BYTES = 1000;

/** More events than there ever are. */
export const ALL = 256;

/** What must be equal at the end. */
export interface Story {
  readonly actual: readonly string[];
  readonly expected: readonly string[];
}

const isOfDescriptor = (filter: number): boolean =>
  filter === EVFILT_READ || filter === EVFILT_WRITE || filter === EVFILT_EXCEPT;

interface Pair {
  real: number;
  reference: ReferenceQueue;
  /**
   * It is notified of each read and write of its pipes: see {@link Play.#read}.
   */
  followsPipes: boolean;
}

class Play {
  readonly #size: Size;
  readonly #process = new ReferenceProcess();
  readonly #queues: Pair[] = [];
  /**
   * Files whose descriptor other code closed. One that is put back there cannot
   * be distinguished from one that stayed (docs/rules.md Q7.1).
   */
  readonly #left = new Map<number, Set<OpenFile>>();
  readonly #list: KeventList;
  readonly actual: string[] = [];
  readonly expected: string[] = [];

  constructor(size: Size) {
    this.#size = size;
    this.#list = new KeventList(ALL);
    for (let i = 0; i < size.queues; i++) this.#queues.push(this.#pair());
  }

  #pair(): Pair {
    return {
      real: world.kqueue(),
      reference: this.#process.queue(),
      followsPipes: false,
    };
  }

  run({ start, steps }: Program): void {
    for (const [i, op] of start.entries()) {
      this.#step({ op, at: 2 * i, to: 2 * i + 1 });
    }
    for (const step of steps) {
      this.#step(step);
      if (this.actual.at(-1) !== this.expected.at(-1)) return;
    }
    // The rest must be the same as well.
    for (let queue = 0; queue < this.#size.queues; queue++) {
      this.#kevent({ op: 'kevent', queue, changes: [], nevents: ALL });
    }
  }

  #step(step: Step): void {
    switch (step.op) {
      case 'pipe': {
        const object = new Pipe();
        const reader: OpenFile = { kind: 'reader', object };
        const writer: OpenFile = { kind: 'writer', object };
        this.#open(step, reader, writer, libc.pipe);
        break;
      }
      case 'socketpair': {
        const [a, b] = [new Socket(), new Socket()];
        a.peer = b;
        b.peer = a;
        const one: OpenFile = { kind: 'socket', object: a };
        const other: OpenFile = { kind: 'socket', object: b };
        this.#open(step, one, other, libc.socketpair);
        break;
      }
      case 'dup':
        this.#dup(FIRST + step.at, FIRST + step.to);
        break;
      case 'close':
        this.#close(FIRST + step.at, step.elsewhere);
        break;
      case 'write':
        this.#write(FIRST + step.at, step.count);
        break;
      case 'read':
        this.#read(FIRST + step.at, step.count);
        break;
      case 'shut':
        this.#shut(FIRST + step.at);
        break;
      case 'kqueue': {
        const { [step.queue]: old } = this.#queues;
        world.close(old.real);
        old.reference.dispose();
        this.#queues[step.queue] = this.#pair();
        break;
      }
      case 'kevent':
        this.#kevent(step);
        break;
    }
  }

  // ---- descriptors ----------------------------------------------------------

  #free(fd: number): boolean {
    return !this.#process.descriptors.has(fd);
  }

  #open(
    { at, to }: { at: number; to: number },
    one: OpenFile,
    other: OpenFile,
    make: () => [number, number],
  ): void {
    if (at === to || !this.#free(FIRST + at) || !this.#free(FIRST + to)) return;
    const [a, b] = make();
    for (const [fd, place, file] of [
      [a, FIRST + at, one],
      [b, FIRST + to, other],
    ] as const) {
      world.dup2(fd, place);
      this.#process.place(place, file);
    }
    libc.close(a);
    libc.close(b);
  }

  #dup(fd: number, to: number): void {
    const file = this.#process.descriptors.get(fd);
    if (file === undefined || fd === to) return;
    if (this.#process.descriptors.get(to) === file) return;
    if (this.#left.get(to)?.has(file)) return;
    this.#leaves(to);
    world.dup2(fd, to);
    this.#process.place(to, file);
  }

  #leaves(fd: number): void {
    const file = this.#process.descriptors.get(fd);
    if (file === undefined) return;
    const files = this.#left.get(fd) ?? new Set();
    this.#left.set(fd, files.add(file));
  }

  #close(fd: number, elsewhere: boolean): void {
    if (this.#free(fd)) return;
    if (elsewhere) {
      this.#leaves(fd);
      world.closeElsewhere(fd);
    } else {
      world.close(fd);
    }
    this.#process.close(fd);
  }

  #write(fd: number, count: number): void {
    const file = this.#process.descriptors.get(fd);
    if (file === undefined || file.kind === 'reader') return;
    if (file.kind === 'socket') {
      const { peer, sendEnded } = file.object;
      if (sendEnded || peer === undefined || peer.inbox > MOST_BYTES) return;
      libc.write(fd, count);
      this.#process.write(file, count);
      this.#updateMarks(peer.watchers);
    } else {
      if (file.object.ended || file.object.bytes > MOST_BYTES) return;
      libc.write(fd, count);
      this.#process.write(file, count);
      this.#updateMarks(file.object.watchers);
    }
  }

  /** A passed mark is noticed at the next poll. */
  #updateMarks(watchers: readonly Knote[]): void {
    if (watchers.some(hasMark)) this.#pollAll();
  }

  #isNotified({ queue, file }: Knote): boolean {
    if (file?.kind === 'socket') return false;
    return this.#queues.some(
      ({ reference, followsPipes }) => reference === queue && followsPipes,
    );
  }

  #pollAll(): void {
    for (const { real } of this.#queues) {
      kevent(real, null, null);
    }
  }

  #read(fd: number, wanted: number): void {
    const file = this.#process.descriptors.get(fd);
    if (file === undefined || file.kind === 'writer') return;
    const { object } = file;
    const there = 'inbox' in object ? object.inbox : object.bytes;
    const count = Math.min(wanted, there);
    if (count === 0) return;
    // An event whose condition ends before a poll loses its place in the FIFO.
    if (object.watchers.some((knote) => !this.#isNotified(knote)))
      this.#pollAll();
    try {
      libc.read(fd, count);
    } catch (error) {
      // The peer left bytes unread when it closed: that is said once.
      if (!(error instanceof libc.LibcError)) throw error;
      libc.read(fd, count);
    }
    this.#process.read(file, count);
    this.#updateMarks(object.watchers);
  }

  #shut(fd: number): void {
    const file = this.#process.descriptors.get(fd);
    if (file?.kind !== 'socket' || file.object.sendEnded) return;
    // If data is pending, epoll reports this as new data.
    const { inbox, receiveEnded, watchers } = file.object;
    if ((inbox > 0 || receiveEnded) && watchers.some(isEdge)) return;
    libc.shutdown(fd, 'WR');
    this.#process.shut(file.object);
    // To epoll the socket itself has been ready since, in the FIFO it is not.
    this.#pollAll();
  }

  // ---- calls ----------------------------------------------------------------

  #change(change: Change): Entry {
    if (!isOfDescriptor(change.filter)) return change;
    const ident = FIRST + change.ident;
    const isSocket =
      change.filter === EVFILT_WRITE &&
      this.#process.descriptors.get(ident)?.kind === 'socket';
    // A byte read by the peer is not an edge here (docs/rules.md Q7.3).
    const flags = isSocket ? change.flags & ~EV_CLEAR : change.flags;
    return { ...change, ident, flags };
  }

  #kevent(step: Extract<Step, { op: 'kevent' }>): void {
    const { [step.queue]: pair } = this.#queues;
    const changes = step.changes.map((change) => this.#change(change));
    // To poll forgets the place of what became false again, so it is done only
    // where everything is collected at once.
    const collectsAll = changes.length === 0 && step.nevents === ALL;
    if (collectsAll && pair.reference.hasEvent) {
      this.#say('readable', isReadable(pair.real) ? 'readable' : 'quiet');
    }
    const expected = this.#expected(pair.reference, changes, step.nevents);
    this.#say(expected, this.#actual(pair.real, changes, step.nevents));
    const isQuiet = expected === '' && step.nevents > 0;
    if (isQuiet && pair.reference.waiting === 0) {
      this.#say('quiet', isReadable(pair.real) ? 'readable' : 'quiet');
    }
  }

  #say(expected: string, actual: string): void {
    this.expected.push(expected);
    this.actual.push(actual);
  }

  #expected(
    queue: ReferenceQueue,
    changes: readonly Entry[],
    nevents: number,
  ): string {
    const answer = queue.kevent(changes, nevents);
    if ('errno' in answer) return nameOf(answer.errno);
    return answer.entries.map((entry) => this.#line(entry)).join('\n');
  }

  #actual(kq: number, changes: readonly Entry[], nevents: number): string {
    const list =
      nevents === ALL
        ? this.#list
        : nevents === 0
          ? null
          : new KeventList(nevents);
    try {
      kevent(kq, changes.length === 0 ? null : changes, list, 0);
    } catch (error) {
      if (error instanceof KqueueError) return error.code;
      throw error;
    }
    return [...(list ?? [])].map((event) => this.#line(event)).join('\n');
  }

  /** How much space there is differs by host; at the end it means nothing. */
  #line(event: Kevent | Entry): string {
    const { filter, flags, data } = event;
    const isSpace = filter === EVFILT_WRITE && (flags & EV_ERROR) === 0;
    if (!isSpace) return line(event);
    const isSocketEnd =
      (flags & EV_EOF) !== 0 &&
      this.#process.descriptors.get(Number(event.ident))?.kind === 'socket';
    const space = isSocketEnd || data <= 0 ? 0 : SOME_SPACE;
    return line({ ...event, data: space });
  }
}

const isReadable = (kq: number): boolean => (libc.poll(kq) & libc.POLLIN) !== 0;

const nameOf = (errno: number): string =>
  errnoName('darwin', errno) ?? String(errno);

const isEdge = ({ flags }: { flags: number }): boolean =>
  (flags & EV_CLEAR) !== 0;

const hasMark = (knote: { askedFflags: number; askedData: number }): boolean =>
  (knote.askedFflags & NOTE_LOWAT) !== 0 && knote.askedData > 1;

/** Play a program; everything it opened is closed again. */
export function play(size: Size, program: Program): Story {
  try {
    const it = new Play(size);
    it.run(program);
    return { actual: it.actual, expected: it.expected };
  } finally {
    world.dispose();
  }
}
