import type { Libc } from '../ffi/linux.js';
import {
  D,
  DE,
  darwinErrno,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  LINUX_EEXIST,
} from './constants.js';
import type { Epoll } from './epoll.js';
import type { Knote } from './knote.js';
import type { Probe } from './probe.js';
import { lowWater } from './read-filter.js';
import type { Descriptor, FdSource } from './source.js';
import {
  IN_ACCESS,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_MODIFY,
  Watcher,
} from './watcher.js';

const ENDS = EPOLLHUP | EPOLLRDHUP | EPOLLERR;
const PIPE_EVENTS = IN_ACCESS | IN_MODIFY | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE;

/** What the sources of a queue need of it. */
export interface SourceOwner {
  /** The epoll of the first direction of each descriptor. */
  readonly inner: number;
  /** The epoll of the second, made when it is first needed; -1 if it fails. */
  sideEpoll(): number;
  /** Something happened to what the knote watches: look at it. */
  post(knote: Knote): void;
  activate(knote: Knote): void;
}

const keyOf = (fd: number, writing: boolean): number =>
  fd * 2 + (writing ? 1 : 0);

/**
 * The descriptors that one queue watches, each direction at most once in an
 * epoll, always edge-triggered: an edge only says that something is to be
 * looked at.
 */
export class Sources {
  readonly #owner: SourceOwner;
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #probe: Probe;
  readonly #byKey = new Map<number, FdSource>();
  readonly #slots: (FdSource | null)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #files = new Set<FdSource>();
  #generation = 0;
  #watcher: Watcher | undefined;
  #watcherFailed = false;
  /** Whether pipes are followed by the watcher, not by edges of epoll. */
  #pipesWatched = false;

  constructor(owner: SourceOwner, libc: Libc, epoll: Epoll, probe: Probe) {
    this.#owner = owner;
    this.#libc = libc;
    this.#epoll = epoll;
    this.#probe = probe;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(fd: number, writing: boolean): FdSource | undefined {
    return this.#byKey.get(keyOf(fd, writing));
  }

  all(): Iterable<FdSource> {
    return this.#byKey.values();
  }

  /** Begin to watch a descriptor: a Darwin errno, or the source. */
  add(descriptor: Descriptor, writing: boolean): FdSource | number {
    const { fd, kind } = descriptor;
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    const source: FdSource = {
      descriptor,
      writing,
      knotes: [],
      epoll: -1,
      bits: this.#bits(descriptor, writing),
      slot,
      generation: ++this.#generation,
      endSeen: true,
      watch: -1,
      receiveMark:
        kind === 'socket' && !writing
          ? Math.max(this.#probe.receiveMark(fd), 1)
          : 1,
      sendShut: false,
      size: 0,
      offset: 0,
    };
    this.#slots[slot] = source;
    const errno = this.#register(source);
    if (errno !== 0) {
      this.#slots[slot] = null;
      this.#freeSlots.push(slot);
      return errno;
    }
    this.#byKey.set(keyOf(fd, writing), source);
    if (kind === 'file') {
      this.#files.add(source);
      this.#watch(source, IN_MODIFY);
    }
    return source;
  }

  /** Stop watching; `open` unless the descriptor is already another file. */
  remove(source: FdSource, open: boolean): void {
    const { fd } = source.descriptor;
    if (source.epoll >= 0 && open) this.#epoll.remove(source.epoll, fd);
    if (source.watch >= 0) this.#watcher?.remove(source);
    this.#files.delete(source);
    this.#byKey.delete(keyOf(fd, source.writing));
    this.#slots[source.slot] = null;
    this.#freeSlots.push(source.slot);
  }

  /**
   * Some knote must hear of every read and write of its pipe: follow all pipes
   * of the queue by inotify, so that their order is kept. True if that is new.
   */
  watchPipes(): boolean {
    if (this.#pipesWatched || this.#needWatcher() === undefined) return false;
    this.#pipesWatched = true;
    for (const source of this.#byKey.values()) {
      const { kind, fd } = source.descriptor;
      if (kind !== 'pipe' && kind !== 'fifo') continue;
      if (!this.#watch(source, PIPE_EVENTS)) continue;
      source.bits = EPOLLET;
      const { epoll, bits, slot, generation } = source;
      this.#epoll.modify(epoll, fd, bits, slot, generation);
    }
    return true;
  }

  /** Whether the number still is the file that was registered. */
  isSame(source: FdSource): boolean {
    const { fd, identity, queue } = source.descriptor;
    if (queue?.closed === true) return false;
    if (source.epoll < 0) return this.#probe.stat(fd)?.identity === identity;
    // Adding what is there already does nothing and says so, exactly.
    const { epoll, bits, slot, generation } = source;
    if (this.#epoll.add(epoll, fd, bits, slot, generation) < 0) {
      return this.#libc.errno() === LINUX_EEXIST;
    }
    this.#epoll.remove(epoll, fd);
    return false;
  }

  /** Epoll reports a source of ours: post its knotes, newest first. */
  edge(slot: number, generation: number, bits: number): void {
    const source = this.#slots[slot];
    // Entries of closed descriptors that live on elsewhere report for ever.
    if (source === null || source === undefined) return;
    if (source.generation !== generation) return;
    if (source.writing || (bits & ENDS) !== 0) source.endSeen = true;
    const wanted = source.writing ? EPOLLOUT : EPOLLIN;
    const ready = (bits & wanted) !== 0 && (bits & (EPOLLHUP | EPOLLERR)) === 0;
    const { knotes } = source;
    for (let i = knotes.length - 1; i >= 0; i--) {
      const knote = knotes[i];
      // With the default mark the ready bit is the answer.
      if (ready && lowWater(knote, 1) === 1) this.#owner.activate(knote);
      else this.#owner.post(knote);
    }
  }

  /** Read what inotify has to tell. */
  drainWatcher(): void {
    this.#watcher?.drain((sources, mask) => this.#told(sources, mask));
  }

  /**
   * Look at files that were at their end: nothing tells of lseek, so each call
   * asks.
   */
  lookAtFiles(): void {
    if (this.#files.size === 0) return;
    for (const source of this.#files) {
      if (source.writing) continue;
      const { fd } = source.descriptor;
      const { size, offset, knotes } = source;
      if (knotes.every((knote) => knote.active)) continue;
      if (this.#probe.offset(fd) === offset && this.#probe.size(fd) === size) {
        continue;
      }
      for (let i = knotes.length - 1; i >= 0; i--) this.#owner.post(knotes[i]);
    }
  }

  close(): void {
    this.#watcher?.close();
  }

  #bits({ kind, reads, writes }: Descriptor, writing: boolean): number {
    const isPipe = kind === 'pipe' || kind === 'fifo';
    const idle = kind === 'pipe' && (writing ? !writes : !reads);
    // HUP and ERR are always reported: enough to see the other side go.
    if ((isPipe && this.#pipesWatched) || idle) return EPOLLET;
    return writing ? EPOLLOUT | EPOLLET : EPOLLIN | EPOLLRDHUP | EPOLLET;
  }

  #register(source: FdSource): number {
    const { fd, kind } = source.descriptor;
    if (kind === 'file' || kind === 'kqueue' || kind === 'device') return 0;
    const isPipe = kind === 'pipe' || kind === 'fifo';
    if (isPipe && this.#pipesWatched && !this.#watch(source, PIPE_EVENTS)) {
      source.bits = source.writing
        ? EPOLLOUT | EPOLLET
        : EPOLLIN | EPOLLRDHUP | EPOLLET;
    }
    const other = this.get(fd, !source.writing);
    const ep =
      other === undefined || other.epoll !== this.#owner.inner
        ? this.#owner.inner
        : this.#owner.sideEpoll();
    if (ep < 0) return DE.ENOMEM;
    const { bits, slot, generation } = source;
    if (this.#epoll.add(ep, fd, bits, slot, generation) < 0) {
      const errno = this.#libc.errno();
      if (source.watch >= 0) this.#watcher?.remove(source);
      // A stranger's epoll, or a device whose driver cannot be polled.
      return errno === 40 || errno === 1 ? DE.ENOTSUP : darwinErrno(errno);
    }
    source.epoll = ep;
    return 0;
  }

  #needWatcher(): Watcher | undefined {
    if (this.#watcher === undefined && !this.#watcherFailed) {
      const { inner } = this.#owner;
      this.#watcher = Watcher.create(this.#libc, this.#epoll, inner);
      this.#watcherFailed = this.#watcher === undefined;
    }
    return this.#watcher;
  }

  #watch(source: FdSource, mask: number): boolean {
    return this.#needWatcher()?.add(source, mask) ?? false;
  }

  /** Inotify tells of a read, a write or a close of what sources share. */
  #told(sources: readonly FdSource[], mask: number): void {
    if ((mask & (IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)) !== 0) {
      for (const source of sources) source.endSeen = true;
    }
    if (sources.length === 1 && sources[0].knotes.length === 1) {
      this.#toldOne(sources[0], sources[0].knotes[0], mask);
    } else {
      const knotes = sources.flatMap((source) => source.knotes);
      knotes.sort((a, b) => b.serial - a.serial);
      for (const knote of knotes) {
        if (knote.source !== null) this.#toldOne(knote.source, knote, mask);
      }
    }
  }

  #toldOne(source: FdSource, knote: Knote, mask: number): void {
    const { kind, reads } = source.descriptor;
    const wasReadable =
      (mask & IN_MODIFY) !== 0 && !source.writing && reads && kind !== 'file';
    // Just after a write there was something to read, whatever came later.
    if (wasReadable && lowWater(knote, 1) === 1) this.#owner.activate(knote);
    else this.#owner.post(knote);
  }
}

/** Whether a knote must hear of every read and write of its pipe. */
export function followsPipe({ source, flags, askedFflags }: Knote): boolean {
  const kind = source?.descriptor.kind;
  return (
    (kind === 'pipe' || kind === 'fifo') &&
    ((flags & D.EV_CLEAR) !== 0 || (askedFflags & D.NOTE_LOWAT) !== 0)
  );
}
