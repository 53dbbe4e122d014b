import type { Libc } from '../ffi/index.js';
import {
  D,
  DE,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
} from './constants.js';
import { type Descriptor, isPipe } from './descriptor.js';
import { DirectoryRemovals } from './directory-removals.js';
import { lastErrno } from './errno.js';
import { FileOffsets } from './file-offsets.js';
import { InodeWatches, vnodesOf } from './inode-watches.js';
import type { Knote } from './knote.js';
import type { Knotes } from './knotes.js';
import { hasLowWater } from './low-water.js';
import { PeerReads } from './peer-reads.js';
import type { Queue } from './queue.js';
import type { Refusal } from './refusal.js';
import { SocketMarks } from './socket-marks.js';
import { type Aspect, FdSource, knotesOf } from './source.js';
import { Ticks } from './ticks.js';
import { takeSnapshot } from './vnode-hints.js';

/** Nanoseconds between polls of what neither epoll nor inotify reports. */
const TICK = 20e6;

const ASPECTS: readonly Aspect[] = ['read', 'write', 'vnode'];

const keyOf = (fd: number, aspect: Aspect): number =>
  fd * ASPECTS.length + ASPECTS.indexOf(aspect);

/** The descriptors that one queue watches, and the knotes on them. */
export class Sources {
  readonly #queue: Queue;
  readonly #libc: Libc;
  readonly #byKey = new Map<number, FdSource>();
  readonly #watches: InodeWatches;
  readonly directories: DirectoryRemovals;
  readonly #offsets: FileOffsets;
  readonly #marks: SocketMarks;
  readonly #peerReads: PeerReads;
  /** Files whose writes inotify does not report. */
  readonly #unwatched = new Set<FdSource>();
  readonly #ticks: Ticks;
  /** Whether inotify reports on pipes, instead of the edges of epoll. */
  #followsPipes = false;
  #isDroppingStale = false;
  /** Whether each call must {@link poll}. */
  needsPolling = false;

  constructor(queue: Queue) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
    this.#watches = new InodeWatches(queue);
    this.directories = new DirectoryRemovals(queue, this.#watches);
    this.#offsets = new FileOffsets(queue, this.#watches);
    this.#marks = new SocketMarks(queue);
    this.#peerReads = new PeerReads(queue);
    this.#ticks = new Ticks(queue, TICK);
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(fd: number, aspect: Aspect): FdSource | undefined {
    return this.#byKey.get(keyOf(fd, aspect));
  }

  #allOf(fd: number): readonly FdSource[] {
    return ASPECTS.map((aspect) => this.get(fd, aspect)).filter(
      (source) => source !== undefined,
    );
  }

  /** Post changes that neither epoll nor inotify reports. */
  poll(): void {
    if (this.#needsTicks) this.#ticks.start();
    this.#offsets.poll();
    this.#marks.poll();
    this.#peerReads.poll();
    this.directories.poll();
  }

  #updatePolling(): void {
    const { size } = this.directories;
    this.needsPolling =
      size + this.#offsets.size + this.#marks.size + this.#peerReads.size > 0;
    if (!this.#needsTicks) this.#ticks.stop();
  }

  /** Whether something must be polled while a call waits. */
  get #needsTicks(): boolean {
    return this.#unwatched.size + this.#marks.size > 0;
  }

  close(): void {
    this.#ticks.stop();
    this.#watches.close();
  }

  // ---- knotes -------------------------------------------------------------

  /** Attach a knote to its descriptor. Returns a Darwin errno. */
  attach(knote: Knote, aspect: Aspect, refuses: Refusal): number {
    const fd = knote.identLow;
    const { kernel, nesting } = this.#queue;
    this.dropStale(fd);
    const descriptor = kernel.descriptors.read(fd);
    if (descriptor === undefined) {
      return fd < 0 ? DE.EBADF : lastErrno(this.#libc);
    }
    if (knote.identHigh !== 0) return DE.EINVAL;
    const refused = refuses(knote, descriptor);
    if (refused !== 0) return refused;
    let source = this.get(fd, aspect);
    const isQuiet = source === undefined && this.#isQuiet(knote, descriptor);
    if (!isQuiet) this.#queue.lookBefore();
    if (source === undefined) {
      const child = descriptor.queue;
      const errno = child === null ? 0 : nesting.addChild(child);
      if (errno !== 0) return errno;
      const added = this.#add(descriptor, aspect);
      if (typeof added === 'number') return added;
      source = added;
      source.isQuiet = isQuiet;
      if (!isQuiet) this.#queue.hasFirstEdges = true;
    }
    source.knotes.push(knote);
    knote.source = source;
    descriptor.queue?.nesting.addWatcher(knote);
    this.update(knote);
    return 0;
  }

  /**
   * Whether a pipe has nothing to read, and no EOF. To watch it then makes no
   * event pending, and epoll reports no edge without meaning.
   */
  #isQuiet(knote: Knote, { kind, fd }: Descriptor): boolean {
    return (
      kind === 'pipe' &&
      knote.filterNumber === D.EVFILT_READ &&
      (knote.flags & D.EV_CLEAR) === 0 &&
      !hasLowWater(knote) &&
      !this.#followsPipes &&
      this.#queue.epolls.isDirect &&
      this.#queue.kernel.probe.poll(fd, EPOLLIN) === 0
    );
  }

  /** Provide what a knote needs in addition to edges of epoll. */
  update(knote: Knote): void {
    const { source, flags } = knote;
    if (source === null || source.aspect === 'vnode') return;
    const { descriptor, aspect } = source;
    if (isPipe(descriptor)) {
      // Each read and write of the pipe counts.
      const isClear = (flags & D.EV_CLEAR) !== 0;
      if (isClear || hasLowWater(knote)) this.#followPipes();
      return;
    }
    const { kind, fd, isUnix, isStream } = descriptor;
    if (kind === 'socket' && aspect === 'read') {
      const mark = this.#queue.kernel.probe.receiveMark(fd);
      source.receiveMark = Math.max(mark, 1);
    }
    if (kind === 'socket') {
      if (!isUnix) this.#marks.update(source);
      else if (isStream && aspect === 'write') this.#peerReads.update(source);
      if (this.#needsTicks) this.#ticks.start();
      this.#updatePolling();
    }
  }

  /** Detach a knote from its descriptor. */
  detach(knote: Knote): void {
    const { source } = knote;
    if (source === null) return;
    this.#leave(knote, source);
    if (source.knotes.length === 0) this.#remove(source, true);
  }

  #leave(knote: Knote, source: FdSource): void {
    knote.source = null;
    source.knotes.splice(source.knotes.indexOf(knote), 1);
    source.descriptor.queue?.nesting.removeWatcher(knote);
  }

  /**
   * The descriptor of a source was closed: drop its knotes, and post those with
   * EV_VANISHED. `isCurrent` if it is still the registered file.
   */
  drop(source: FdSource, isCurrent: boolean): void {
    this.#dropKnotes([source]);
    this.#remove(source, isCurrent);
  }

  #dropKnotes(sources: readonly FdSource[]): void {
    const { knotes } = this.#queue;
    for (const knote of knotesOf(sources)) {
      if (knote.source !== null) this.#leave(knote, knote.source);
      if (knote.reportsVanished) {
        knote.vanished = true;
        knotes.activate(knote);
      } else {
        knotes.drop(knote);
      }
    }
  }

  /**
   * Drop a source if its descriptor is now another file. Returns whether it
   * did.
   */
  dropIfStale(source: FdSource): boolean {
    this.#watches.catchUp(source);
    const { fd } = source.descriptor;
    if (this.get(fd, source.aspect) !== source) return true;
    if (this.#queue.kernel.identity.isCurrent(source)) return false;
    this.drop(source, false);
    return true;
  }

  /**
   * Drop pending events of closed descriptors that come before any other, also
   * in the queues below. Returns whether no other event is pending.
   */
  dropStalePending(): boolean {
    const { knotes } = this.#queue;
    // Queues may watch each other in a circle.
    if (this.#isDroppingStale || knotes.first === null) return false;
    this.#isDroppingStale = true;
    try {
      return this.#dropStalePending(knotes);
    } finally {
      this.#isDroppingStale = false;
    }
  }

  #dropStalePending(knotes: Knotes): boolean {
    for (let knote = knotes.first; knote !== null; ) {
      if (knote.source === null) return false;
      if (!this.dropIfStale(knote.source)) {
        const below = knote.source.descriptor.queue?.sources;
        if (below?.dropStalePending() !== true) return false;
        knotes.shift();
      } else if (knotes.first === knote) return false;
      knote = knotes.first;
    }
    return true;
  }

  /** Drop the registrations of a descriptor that is now another file. */
  dropStale(fd: number): void {
    for (const source of this.#allOf(fd)) this.dropIfStale(source);
  }

  /** Drop the registrations of a descriptor that is about to be closed. */
  dropAll(fd: number): void {
    const { identity } = this.#queue.kernel;
    const sources = this.#allOf(fd);
    const areCurrent = sources.map((source) => identity.isCurrent(source));
    this.#dropKnotes(sources);
    for (const [i, source] of sources.entries()) {
      this.#remove(source, areCurrent[i]);
    }
  }

  /** Drop sources with EV_VANISHED whose descriptor other code closed. */
  dropVanished(): void {
    for (const { source } of this.#queue.knotes.vanishing) {
      if (source !== null) this.dropIfStale(source);
    }
  }

  // ---- sources ------------------------------------------------------------

  /** Begin to watch a descriptor. Returns the source, or a Darwin errno. */
  #add(descriptor: Descriptor, aspect: Aspect): FdSource | number {
    const source = new FdSource(this.#queue, descriptor, aspect);
    const errno =
      aspect === 'vnode' ? this.#watchVnode(source) : this.#watch(source);
    if (errno !== 0) return errno;
    this.#byKey.set(keyOf(descriptor.fd, aspect), source);
    return source;
  }

  #remove(source: FdSource, isCurrent: boolean): void {
    const { interest, nesting, epolls } = this.#queue;
    const { queue, fd } = source.descriptor;
    if (queue !== null) nesting.removeChild(queue);
    // The queue's own epoll keeps nothing of a source that is taken out.
    if (!(isCurrent && epolls.isDirect)) this.#queue.hasFirstEdges = true;
    interest.remove(source, isCurrent);
    this.#watches.remove(source);
    this.directories.remove(source);
    this.#offsets.remove(source);
    this.#unwatched.delete(source);
    this.#marks.remove(source);
    this.#peerReads.remove(source);
    this.#updatePolling();
    this.#byKey.delete(keyOf(fd, source.aspect));
  }

  /** Prove that a knote's descriptor is current by taking it out of epoll. */
  takeOut({ source }: Knote): boolean {
    return (
      source !== null &&
      source.knotes.length === 1 &&
      this.#queue.interest.takeOut(source)
    );
  }

  #watch(source: FdSource): number {
    const { descriptor, aspect } = source;
    const { kind } = descriptor;
    if (kind === 'kqueue' || kind === 'device') return 0;
    if (kind === 'file') return this.#watchFile(source);
    const follows = isPipe(descriptor) && this.#followsPipes;
    const isFollowed = follows && this.#watches.add(source);
    const bits = isFollowed ? EPOLLET : bitsOf(descriptor, aspect);
    const errno = this.#queue.interest.add(source, bits);
    if (errno !== 0) this.#watches.remove(source);
    return errno;
  }

  #watchFile(source: FdSource): number {
    const isWatched = this.#watches.add(source);
    this.#offsets.add(source);
    this.#updatePolling();
    if (source.aspect !== 'read') return 0;
    if (!isWatched || source.descriptor.isMemfd) {
      const errno = this.#ticks.start();
      if (errno !== 0) {
        this.#watches.remove(source);
        this.#offsets.remove(source);
        this.#updatePolling();
        return errno;
      }
      this.#unwatched.add(source);
    }
    return 0;
  }

  #watchVnode(source: FdSource): number {
    const { fd, kind } = source.descriptor;
    const refused = this.#watches.open();
    if (refused !== 0 || !this.#watches.add(source)) {
      this.#queue.kernel.refusedByInotify = fd;
      return refused || lastErrno(this.#libc);
    }
    const watch = this.#watches.get(source);
    if (watch !== undefined) {
      // An older snapshot is valid only if a source kept it up to date.
      if (vnodesOf(watch).length === 1) watch.snapshot = null;
      watch.snapshot ??= takeSnapshot(this.#queue.kernel.probe, fd);
      if (watch.snapshot === null) {
        // Its changes could not be distinguished from one another.
        const errno = lastErrno(this.#libc);
        this.#watches.remove(source);
        return errno;
      }
    }
    if (kind === 'directory') {
      this.directories.add(source);
      this.#updatePolling();
    }
    return 0;
  }

  /**
   * A knote needs every read and write of its pipe. Follow all pipes of the
   * queue with inotify, so that the order between pipes is kept.
   */
  #followPipes(): void {
    if (this.#followsPipes || this.#watches.open() !== 0) return;
    this.#followsPipes = true;
    for (const source of this.#byKey.values()) {
      if (source.aspect === 'vnode' || !isPipe(source.descriptor)) continue;
      if (!this.#watches.add(source)) continue;
      this.#queue.interest.modify(source, EPOLLET);
    }
    this.#queue.hasFirstEdges = true;
  }
}

/** The epoll events of a source, apart from HUP and ERR. */
function bitsOf(descriptor: Descriptor, aspect: Aspect): number {
  const { kind, reads, writes } = descriptor;
  const isWrite = aspect === 'write';
  // HUP and ERR are always reported, and show that the other end was closed.
  if (kind === 'pipe' && (isWrite ? !writes : !reads)) return EPOLLET;
  if (isWrite) return EPOLLOUT | EPOLLET;
  const urgent = kind === 'socket' ? EPOLLPRI : 0;
  return EPOLLIN | EPOLLRDHUP | EPOLLET | urgent;
}
