import { dirname } from 'node:path';
import type { Libc } from '../ffi/index.js';
import {
  D,
  DE,
  darwinErrno,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  LINUX_EEXIST,
  LINUX_EINVAL,
  LINUX_ELOOP,
  LINUX_EPERM,
} from './constants.js';
import { type Descriptor, isPipe } from './descriptor.js';
import type { Knote } from './knote.js';
import { hasLowWater, lowWater } from './low-water.js';
import type { Queue } from './queue.js';
import { type Aspect, FdSource, knotesOf } from './source.js';
import {
  hintsOf,
  takeSnapshot,
  VNODE_EVENTS,
  wasRemoved,
} from './vnode-hints.js';
import {
  IN_ACCESS,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_DELETE,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_Q_OVERFLOW,
  type InotifyEvent,
  type Watch,
  Watcher,
} from './watcher.js';

const PIPE_EVENTS = IN_ACCESS | IN_MODIFY | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE;

const ASPECTS: readonly Aspect[] = ['read', 'write', 'vnode'];

const keyOf = (fd: number, aspect: Aspect): number =>
  fd * ASPECTS.length + ASPECTS.indexOf(aspect);

/**
 * The descriptors that one queue watches, each direction at most once in an
 * epoll, always edge-triggered: an edge only says that something is to be
 * looked at.
 */
export class Sources {
  readonly #queue: Queue;
  readonly #libc: Libc;
  readonly #byKey = new Map<number, FdSource>();
  /** Watched files that inotify does not tell everything of. */
  readonly #files = new Set<FdSource>();
  readonly #directories = new Set<FdSource>();
  /** Sockets of which epoll does not tell when there is room enough. */
  readonly #marked = new Set<FdSource>();
  /** Those of their knotes whose mark was reached at the last look. */
  readonly #reached = new WeakSet<Knote>();
  /** Numbers by which an epoll may still have a file that had them before. */
  readonly #orphans = new Set<number>();
  readonly #watches = new Map<number, Watch>();
  /** The watch on the parent of a watched directory. */
  readonly #parents = new Map<FdSource, Watch>();
  #watcher: Watcher | undefined;
  /** Whether pipes are followed by the watcher, not by edges of epoll. */
  #pipesWatched = false;

  constructor(queue: Queue) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(fd: number, aspect: Aspect): FdSource | undefined {
    return this.#byKey.get(keyOf(fd, aspect));
  }

  /** All that is watched of a descriptor. */
  of(fd: number): readonly FdSource[] {
    return ASPECTS.map((aspect) => this.get(fd, aspect)).filter(
      (source) => source !== undefined,
    );
  }

  /** Begin to watch a descriptor: a Darwin errno, or the source. */
  add(descriptor: Descriptor, aspect: Aspect): FdSource | number {
    const source = new FdSource(this.#queue, descriptor, aspect);
    const errno =
      aspect === 'vnode' ? this.#followVnode(source) : this.#follow(source);
    if (errno !== 0) return errno;
    this.#byKey.set(keyOf(descriptor.fd, aspect), source);
    return source;
  }

  /** Stop watching; `open` unless the descriptor is already another file. */
  remove(source: FdSource, open: boolean): void {
    const { descriptor, aspect, epoll } = source;
    if (epoll >= 0) {
      if (open) this.#queue.kernel.epoll.remove(epoll, descriptor.fd);
      else this.#orphans.add(descriptor.fd);
      this.#queue.members.remove(source);
    }
    this.#unwatch(source);
    this.#files.delete(source);
    this.#directories.delete(source);
    this.#marked.delete(source);
    this.#countFiles();
    this.#byKey.delete(keyOf(descriptor.fd, aspect));
  }

  /**
   * See to what a knote needs besides the edges of its descriptor. True if
   * that makes new ones.
   */
  attend(knote: Knote): boolean {
    const { source, flags } = knote;
    if (source === null || source.aspect === 'vnode') return false;
    const { descriptor, aspect } = source;
    const isClear = (flags & D.EV_CLEAR) !== 0;
    if (isPipe(descriptor)) {
      return (isClear || hasLowWater(knote)) && this.#watchPipes();
    }
    const { kind, fd, isUnix } = descriptor;
    if (kind === 'socket' && aspect === 'read') {
      const mark = this.#queue.kernel.probe.receiveMark(fd);
      source.receiveMark = Math.max(mark, 1);
    } else if (kind === 'socket' && !isUnix) {
      if (source.knotes.some(hasLowWater)) this.#marked.add(source);
      else this.#marked.delete(source);
      this.#countFiles();
    }
    return false;
  }

  /**
   * Some knote must hear of every read and write of its pipe: follow all pipes
   * of the queue by inotify, so that their order is kept. True if that is new.
   */
  #watchPipes(): boolean {
    if (this.#pipesWatched || this.#needWatcher() === undefined) return false;
    this.#pipesWatched = true;
    for (const source of this.#byKey.values()) {
      if (source.aspect === 'vnode' || !isPipe(source.descriptor)) continue;
      if (!this.#watch(source, PIPE_EVENTS)) continue;
      source.bits = EPOLLET;
      const { epoll, bits, slot, generation, descriptor } = source;
      this.#queue.kernel.epoll.modify(
        epoll,
        descriptor.fd,
        bits,
        slot,
        generation,
      );
    }
    return true;
  }

  /** Whether the number still is the file that was registered. */
  isSame(source: FdSource): boolean {
    const { fd, device, inode, queue, reads, writes } = source.descriptor;
    const { epoll, probe, queueOf } = this.#queue.kernel;
    if (queue !== null && (queue.closed || queueOf(fd) !== queue)) return false;
    if (source.epoll < 0) return probe.isOpenOn(fd, device, inode);
    // Adding what is there already does nothing and says so, exactly.
    if (!epoll.has(source.epoll, fd)) return false;
    if (!this.#orphans.has(fd)) return true;
    // It may be there twice: as this file, and as one that was closed.
    const now = this.#queue.kernel.describe(fd);
    return (
      now !== undefined &&
      now.device === device &&
      now.inode === inode &&
      now.reads === reads &&
      now.writes === writes
    );
  }

  /** Look at what no source tells of, which each call must ask for. */
  lookAtFiles(): void {
    this.#lookAtOffsets();
    this.#lookAtMarks();
    this.#lookAtDirectories(this.#directories);
  }

  /** Whether there is anything of the kind. */
  hasFiles = false;

  #countFiles(): void {
    this.hasFiles =
      this.#files.size + this.#directories.size + this.#marked.size > 0;
  }

  close(): void {
    this.#watcher?.close();
  }

  // ---- registering --------------------------------------------------------

  #follow(source: FdSource): number {
    const { descriptor, aspect } = source;
    const { kind } = descriptor;
    if (kind === 'kqueue' || kind === 'device') return 0;
    if (kind === 'file') {
      this.#watch(source, IN_MODIFY);
      if (aspect === 'read') this.#files.add(source);
      this.#countFiles();
      return 0;
    }
    const follows = isPipe(descriptor) && this.#pipesWatched;
    const watched = follows && this.#watch(source, PIPE_EVENTS);
    source.bits = watched ? EPOLLET : bitsOf(descriptor, aspect);
    const errno = this.#register(source);
    if (errno !== 0) this.#unwatch(source);
    return errno;
  }

  #register(source: FdSource): number {
    const { descriptor, aspect, bits } = source;
    const { fd } = descriptor;
    const { members, inner, kernel } = this.#queue;
    const other = this.get(fd, aspect === 'read' ? 'write' : 'read');
    // In one entry an arrival would look like an edge of both directions.
    const ep = other?.epoll === inner ? this.#queue.sideEpoll() : inner;
    if (ep < 0) return DE.ENOMEM;
    members.add(source);
    const { slot, generation } = source;
    const { epoll } = kernel;
    let added = epoll.add(ep, fd, bits, slot, generation);
    if (added < 0 && this.#libc.errno() === LINUX_EEXIST) {
      // It was closed elsewhere, and is back at the number by a dup.
      epoll.remove(ep, fd);
      added = epoll.add(ep, fd, bits, slot, generation);
    }
    if (added < 0) {
      members.remove(source);
      const errno = this.#libc.errno();
      // A stranger's epoll, or a device whose driver cannot be polled.
      if (errno === LINUX_ELOOP || errno === LINUX_EPERM) return DE.ENOTSUP;
      // One file can be in 500 epolls that are in others, and no more.
      return errno === LINUX_EINVAL ? DE.ENOMEM : darwinErrno(errno);
    }
    source.epoll = ep;
    if (this.#orphans.has(fd) && !kernel.hasTwice(ep, fd)) {
      this.#orphans.delete(fd);
    }
    return 0;
  }

  #followVnode(source: FdSource): number {
    const watcher = this.#needWatcher();
    if (watcher === undefined) return DE.ENOMEM;
    const { fd, kind } = source.descriptor;
    if (!this.#watch(source, vnodeEvents(source))) {
      return darwinErrno(this.#libc.errno());
    }
    const watch = this.#watches.get(source.watch);
    if (watch !== undefined) {
      // What was seen last is good only while somebody goes on looking.
      if (vnodesOf(watch).length === 1) watch.snapshot = null;
      watch.snapshot ??= takeSnapshot(this.#queue.kernel.probe, fd);
      if (watch.snapshot === null) {
        // Nothing that happens to it could be told from anything else.
        const errno = darwinErrno(this.#libc.errno());
        this.#unwatch(source);
        return errno;
      }
    }
    if (kind === 'directory') {
      this.#directories.add(source);
      this.#countFiles();
      this.#watchParent(source);
    }
    return 0;
  }

  // ---- inotify ------------------------------------------------------------

  /** The watcher; if there was no room for one, there may be now. */
  #needWatcher(): Watcher | undefined {
    this.#watcher ??= Watcher.create(this.#queue, (watch, event) =>
      this.#told(watch, event),
    );
    return this.#watcher;
  }

  #watch(source: FdSource, mask: number): boolean {
    const path = `/proc/self/fd/${source.descriptor.fd}`;
    const watch = this.#needWatcher()?.watch(path, mask);
    if (watch === undefined) return false;
    watch.sources.add(source);
    source.watch = watch.wd;
    this.#watches.set(watch.wd, watch);
    return true;
  }

  #unwatch(source: FdSource): void {
    const watch = this.#watches.get(source.watch);
    if (watch !== undefined) {
      watch.sources.delete(source);
      this.#release(watch);
    }
    source.watch = -1;
    this.#unwatchParent(source);
  }

  #release(watch: Watch): void {
    this.#watcher?.release(watch);
    if (watch.sources.size === 0 && watch.dependents.size === 0) {
      this.#watches.delete(watch.wd);
    }
  }

  /** Only the parent of a directory tells when the directory is removed. */
  #watchParent(source: FdSource): void {
    const path = this.#watches.get(source.watch)?.snapshot?.path;
    if (path === undefined || path === '/') return;
    const watch = this.#watcher?.watch(dirname(path), IN_DELETE);
    if (watch === undefined) return;
    watch.dependents.add(source);
    this.#watches.set(watch.wd, watch);
    this.#parents.set(source, watch);
  }

  #unwatchParent(source: FdSource): void {
    const watch = this.#parents.get(source);
    if (watch === undefined) return;
    this.#parents.delete(source);
    watch.dependents.delete(source);
    this.#release(watch);
  }

  /** Inotify tells what happened to an inode. */
  #told(watch: Watch, event: InotifyEvent): void {
    const { mask, ofEntry } = event;
    const { sources, dependents } = watch;
    if ((mask & IN_IGNORED) !== 0) {
      this.#inodeGone(watch);
      return;
    }
    const mayRemove = (mask & (IN_DELETE | IN_Q_OVERFLOW)) !== 0;
    if (dependents.size > 0 && mayRemove) this.#lookAtDirectories(dependents);
    if ((mask & (IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)) !== 0) {
      for (const source of sources) source.mayHaveEnded = true;
    }
    const hints = this.#hints(watch, event);
    for (const knote of knotesOf(sources)) {
      const { source } = knote;
      if (source === null) continue;
      if (source.aspect === 'vnode') {
        for (const hint of hints) this.#queue.knotes.postVnode(knote, hint);
      } else if (!ofEntry && (mask & contentsOf(source)) !== 0) {
        this.#post(source, knote, mask);
      }
    }
    if ((mask & IN_MOVE_SELF) !== 0) this.#followMove(sources);
  }

  /**
   * An inode is gone, and the next file may get its number. So a descriptor
   * that seems to be open on it still is another file's by now; unless it has
   * no name at all: inotify also ends when the last name goes while a file is
   * open by one that went before.
   */
  #inodeGone(watch: Watch): void {
    const { probe } = this.#queue.kernel;
    for (const source of [...watch.sources]) {
      if (source.epoll >= 0) continue;
      const { fd, device, inode } = source.descriptor;
      const stat = probe.stat(fd);
      const isOpen = stat?.inode === inode && stat.device === device;
      if (!isOpen || stat.links > 0) {
        this.#queue.forget(source, false);
        continue;
      }
      watch.sources.delete(source);
      const isVnode = source.aspect === 'vnode';
      if (!this.#watch(source, isVnode ? vnodeEvents(source) : IN_MODIFY)) {
        continue;
      }
      const next = this.#watches.get(source.watch);
      if (next !== undefined) next.snapshot ??= watch.snapshot;
    }
    this.#release(watch);
  }

  #hints(watch: Watch, event: InotifyEvent): readonly number[] {
    const { snapshot } = watch;
    if (snapshot === null) return [];
    const { probe } = this.#queue.kernel;
    for (const source of vnodesOf(watch)) {
      // Only who still has the file open can say how it is now.
      if (this.isSame(source)) {
        return hintsOf(event, snapshot, probe, source.descriptor.fd);
      }
      this.#queue.forget(source, false);
    }
    return [];
  }

  /** A directory that moved has another parent to be watched. */
  #followMove(sources: ReadonlySet<FdSource>): void {
    for (const source of sources) {
      if (!this.#directories.has(source)) continue;
      this.#unwatchParent(source);
      this.#watchParent(source);
    }
  }

  #post(source: FdSource, knote: Knote, mask: number): void {
    const { descriptor, aspect } = source;
    const wasReadable =
      (mask & IN_MODIFY) !== 0 &&
      aspect === 'read' &&
      descriptor.reads &&
      isPipe(descriptor);
    // Just after a write there was something to read, whatever came later.
    if (wasReadable && lowWater(knote, 1) === 1)
      this.#queue.knotes.activate(knote);
    else this.#queue.knotes.post(knote);
  }

  // ---- looking ------------------------------------------------------------

  /** Nothing tells of lseek: compare the offset with the last. */
  #lookAtOffsets(): void {
    const { probe } = this.#queue.kernel;
    for (const source of this.#files) {
      const { knotes, offset, size, descriptor } = source;
      if (knotes.every((knote) => knote.active)) continue;
      const now = probe.offset(descriptor.fd);
      const isSized = probe.size(descriptor.fd) === size;
      if (now === offset && isSized) continue;
      // All who have the file open are told, but of what was read nobody.
      const wasRead = isSized && now > offset && now <= size;
      if (wasRead) source.offset = now;
      const sources = this.#watches.get(source.watch)?.sources ?? [source];
      for (const knote of knotesOf(sources)) {
        if (knote.source?.aspect === 'vnode') continue;
        if (wasRead && (knote.flags & D.EV_CLEAR) !== 0) continue;
        this.#queue.knotes.post(knote);
      }
    }
  }

  /** Epoll does not tell when a mark is reached: compare with the last look. */
  #lookAtMarks(): void {
    for (const { knotes } of this.#marked) {
      for (const knote of knotes) {
        const isReached = knote.active || knote.filter.evaluate(knote);
        const wasReached = this.#reached.has(knote);
        if (isReached) this.#reached.add(knote);
        else this.#reached.delete(knote);
        const isClear = (knote.flags & D.EV_CLEAR) !== 0;
        if (isReached && !(wasReached && isClear)) {
          this.#queue.knotes.activate(knote);
        }
      }
    }
  }

  #lookAtDirectories(directories: ReadonlySet<FdSource>): void {
    const { probe } = this.#queue.kernel;
    for (const { watch: wd, descriptor } of directories) {
      const watch = this.#watches.get(wd);
      if (watch === undefined || watch.snapshot === null) continue;
      if (!wasRemoved(watch.snapshot, probe, descriptor.fd)) continue;
      for (const knote of knotesOf(vnodesOf(watch))) {
        this.#queue.knotes.postVnode(knote, D.NOTE_DELETE | D.NOTE_LINK);
      }
    }
  }
}

const vnodesOf = ({ sources }: Watch): readonly FdSource[] =>
  [...sources].filter(({ aspect }) => aspect === 'vnode');

/** What can be a change for those who read and write. */
const contentsOf = ({ descriptor }: FdSource): number =>
  IN_Q_OVERFLOW | (isPipe(descriptor) ? PIPE_EVENTS : IN_MODIFY);

/** A file that is emptied and written anew is closed by who wrote. */
const vnodeEvents = ({ descriptor }: FdSource): number =>
  descriptor.kind === 'file' ? VNODE_EVENTS | IN_CLOSE_WRITE : VNODE_EVENTS;

function bitsOf(descriptor: Descriptor, aspect: Aspect): number {
  const { kind, reads, writes } = descriptor;
  const writing = aspect === 'write';
  // HUP and ERR are always reported: enough to see the other side go.
  if (kind === 'pipe' && (writing ? !writes : !reads)) return EPOLLET;
  if (writing) return EPOLLOUT | EPOLLET;
  const urgent = kind === 'socket' ? EPOLLPRI : 0;
  return EPOLLIN | EPOLLRDHUP | EPOLLET | urgent;
}
