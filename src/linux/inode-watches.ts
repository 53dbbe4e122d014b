import { type Descriptor, isPipe } from './descriptor.js';
import {
  IN_ACCESS,
  IN_ATTRIB,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_DELETE,
  IN_IGNORED,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_Q_OVERFLOW,
  Inotify,
  type InotifyEvent,
} from './inotify.js';
import type { Knote } from './knote.js';
import { lowWater } from './low-water.js';
import type { Queue } from './queue.js';
import { type FdSource, knotesOf, NOWHERE } from './source.js';
import { hintsOf, type Snapshot, VNODE_EVENTS } from './vnode-hints.js';

/** Every post of a vnode evaluates EV_CLEAR knotes again: rule G51. */
const FILE_EVENTS = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF;
const TRAFFIC = IN_ACCESS | IN_MODIFY;
const PIPE_EVENTS = TRAFFIC | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE;

const NO_EVENT: InotifyEvent = {
  mask: 0,
  ofEntry: false,
  stays: false,
  edge: 0,
};
/** As after an overflow: each watch may have missed events. */
const LOST_EVENTS: InotifyEvent = { ...NO_EVENT, mask: IN_Q_OVERFLOW };

/** An inode that inotify watches, and its sources. */
export interface InodeWatch {
  readonly wd: number;
  /**
   * The sources that are open on it: both ends of a pipe, all descriptors of a
   * file.
   */
  readonly sources: Set<FdSource>;
  /** The watched directories in it, whose removal only this inode reports. */
  readonly children: Set<FdSource>;
  /** The state to compare changes with, for EVFILT_VNODE only. */
  snapshot: Snapshot | null;
}

/** The inodes that inotify watches for one queue. */
export class InodeWatches {
  readonly #queue: Queue;
  readonly #byWd = new Map<number, InodeWatch>();
  #inotify: Inotify | undefined;
  /** The watches of an instance that other code closed, until there is another. */
  readonly #lost: InodeWatch[] = [];

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /**
   * Open inotify if it is not open, or if other code closed it. Returns a Darwin
   * errno.
   */
  open(): number {
    if (this.#inotify !== undefined && !this.#isOpen()) {
      // Its epoll may have been closed as well, which proves it.
      this.#queue.repairs.repair();
      if (this.#inotify !== undefined && !this.#isOpen()) {
        this.#queue.epolls.others.reopen(this.#inotify);
      }
    }
    if (this.#inotify !== undefined) return 0;
    const opened = Inotify.create(this.#queue, {
      onEvent: (wd, event) => this.#onEvent(wd, event),
      onLost: (inotify) => this.#watchAnew(inotify),
    });
    if (typeof opened === 'number') return opened;
    this.#inotify = opened;
    return 0;
  }

  /**
   * Drop a source whose inode is gone, because another file may have the number.
   * While other code has closed the epoll of inotify, nothing reports that.
   */
  catchUp(source: FdSource): void {
    if (source.watch < 0 || this.#isOpen()) return;
    this.#queue.repairs.repair();
    if (this.#isOpen()) this.#queue.pollSources();
  }

  #isOpen(): boolean {
    const { others } = this.#queue.epolls;
    return this.#inotify !== undefined && others.isOpen(this.#inotify);
  }

  /** Other code closed inotify: watch all inodes again. */
  #watchAnew(inotify: Inotify): boolean {
    if (this.#inotify === inotify) {
      this.#inotify = undefined;
      this.#lost.push(...this.#byWd.values());
      this.#byWd.clear();
    }
    if (this.open() !== 0) return false;
    for (const watch of this.#lost.splice(0)) this.#renew(watch);
    // Changes in between were not reported.
    for (const watch of this.#byWd.values()) this.#post(watch, LOST_EVENTS);
    return true;
  }

  /** A watch has ended, or may have: watch its inodes again. */
  #renew(watch: InodeWatch): void {
    const { kernel, sources } = this.#queue;
    for (const source of [...watch.sources]) {
      if (source.knotes.length === 0) continue;
      if (kernel.identity.isCurrent(source)) this.#addAgain(source, watch);
    }
    for (const source of [...watch.children]) {
      sources.directories.followMove(source);
    }
    this.#release(watch);
  }

  /** Returns the new watch of a source, if there could be one. */
  #addAgain(source: FdSource, old: InodeWatch): InodeWatch | undefined {
    old.sources.delete(source);
    if (!this.add(source)) return undefined;
    const watch = this.get(source);
    if (watch !== undefined) watch.snapshot ??= old.snapshot;
    return watch;
  }

  close(): void {
    this.#inotify?.close();
  }

  /** The watch on the inode of a source. */
  get(source: FdSource): InodeWatch | undefined {
    return this.#byWd.get(source.watch);
  }

  /** Watch the inode that a source is open on; false if that fails. */
  add(source: FdSource): boolean {
    const path = `/proc/self/fd/${source.descriptor.fd}`;
    const watch =
      this.open() === 0 ? this.#watch(path, eventsOf(source)) : undefined;
    if (watch === undefined) return false;
    watch.sources.add(source);
    source.watch = watch.wd;
    return true;
  }

  remove(source: FdSource): void {
    const watch = this.get(source);
    source.watch = -1;
    if (watch === undefined) return;
    watch.sources.delete(source);
    this.#release(watch);
  }

  /** Watch the parent of a directory for the directory's removal. */
  addChild(source: FdSource): InodeWatch | undefined {
    // Its path may change meanwhile, or may not be UTF-8.
    const parent = `/proc/self/fd/${source.descriptor.fd}/..`;
    const watch =
      this.open() === 0 ? this.#watch(parent, IN_DELETE) : undefined;
    watch?.children.add(source);
    return watch;
  }

  removeChild(watch: InodeWatch, source: FdSource): void {
    watch.children.delete(source);
    this.#release(watch);
  }

  #watch(path: string, mask: number): InodeWatch | undefined {
    const wd = this.#inotify?.add(path, mask) ?? -1;
    if (wd < 0) return undefined;
    const known = this.#byWd.get(wd);
    if (known !== undefined) return known;
    const watch: InodeWatch = {
      wd,
      sources: new Set(),
      children: new Set(),
      snapshot: null,
    };
    this.#byWd.set(wd, watch);
    return watch;
  }

  /** Stop watching an inode that no source needs. */
  #release(watch: InodeWatch): void {
    const { wd, sources, children } = watch;
    if (sources.size > 0 || children.size > 0) return;
    // The watch may belong to an inotify that other code closed.
    if (this.#byWd.get(wd) !== watch) return;
    this.#byWd.delete(wd);
    // Its number may be the inotify of other code.
    if (this.#isOpen()) this.#inotify?.remove(wd);
  }

  // ---- events -------------------------------------------------------------

  #onEvent(wd: number, event: InotifyEvent): void {
    if ((event.mask & IN_Q_OVERFLOW) !== 0) {
      // The ends of watches may be among the lost events.
      for (const watch of [...this.#byWd.values()]) this.#renew(watch);
      for (const watch of this.#byWd.values()) this.#post(watch, event);
      return;
    }
    const watch = this.#byWd.get(wd);
    if (watch === undefined) return;
    if ((event.mask & IN_IGNORED) !== 0) this.#onInodeGone(watch);
    else this.#post(watch, event);
  }

  /** Post an event to the knotes it concerns. */
  #post(watch: InodeWatch, event: InotifyEvent): void {
    const { mask } = event;
    const { sources, children } = watch;
    const { knotes, sources: all } = this.#queue;
    const mayRemove = (mask & (IN_DELETE | IN_Q_OVERFLOW)) !== 0;
    if (children.size > 0 && mayRemove) all.directories.poll(children);
    if ((mask & (IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)) !== 0) {
      for (const source of sources) source.mayHaveEnded = true;
    }
    const hints = this.#hints(watch, event);
    // Each hint is one post to all knotes of the inode, newest first.
    for (const hint of hints.length > 0 ? hints : [0]) {
      for (const knote of knotesOf(sources)) {
        const { source } = knote;
        if (source === null) continue;
        if (source.aspect === 'vnode') {
          if (hint !== 0) knotes.postVnode(knote, hint);
        } else if ((mask & contentsOf(source)) !== 0) {
          this.#postContents(source, knote, mask);
        }
      }
    }
    if ((mask & IN_MOVE_SELF) !== 0) {
      for (const source of sources) all.directories.followMove(source);
    }
  }

  /** The change in bits of EVFILT_VNODE. */
  #hints(watch: InodeWatch, event: InotifyEvent): readonly number[] {
    const { snapshot } = watch;
    if (snapshot === null) return [];
    const { kernel, sources } = this.#queue;
    for (const source of vnodesOf(watch)) {
      // The current state needs a source that still has the file open.
      if (kernel.identity.isCurrent(source)) {
        return hintsOf(event, snapshot, kernel.probe, source.descriptor.fd);
      }
      sources.drop(source, false);
    }
    return [];
  }

  #postContents(source: FdSource, knote: Knote, mask: number): void {
    const { descriptor, aspect } = source;
    const wasReadable =
      (mask & IN_MODIFY) !== 0 &&
      aspect === 'read' &&
      descriptor.reads &&
      isPipe(descriptor);
    // Right after the write there were bytes to read, whatever happened later.
    if (wasReadable && lowWater(knote, 1) === 1)
      this.#queue.knotes.activate(knote);
    else this.#queue.knotes.post(knote);
  }

  /**
   * The inode was deleted, and the next file may get its number. A descriptor
   * that seems to be open on it is therefore another file. The exception is a
   * file without a name: inotify also ends when the last name is removed while
   * the file is still open.
   */
  #onInodeGone(watch: InodeWatch): void {
    const { sources } = this.#queue;
    const followers = new Map<InodeWatch, FdSource>();
    for (const source of [...watch.sources]) {
      // A pipe has no names, so all its descriptors were closed.
      if (source.descriptor.kind === 'pipe') continue;
      if (!this.#isNameless(source)) {
        sources.drop(source, false);
        continue;
      }
      const next = this.#addAgain(source, watch);
      if (next !== undefined) followers.set(next, source);
    }
    this.#release(watch);
    for (const [next, source] of followers) this.#postMissed(next, source);
  }

  /** Whether a source still has its file open, which has no name. */
  #isNameless(source: FdSource): boolean {
    const { identity, probe } = this.#queue.kernel;
    const { place, descriptor } = source;
    if (place !== NOWHERE) return identity.isCurrent(source);
    const { fd } = descriptor;
    return probe.isOpenOn(fd, descriptor) && probe.stat(fd)?.links === 0;
  }

  /** Post changes of an inode between the end of its last watch and this one. */
  #postMissed(watch: InodeWatch, { descriptor }: FdSource): void {
    const { snapshot } = watch;
    const { fd, kind } = descriptor;
    const isSized =
      snapshot === null ||
      this.#queue.kernel.probe.size(fd) === snapshot.stat.size;
    const mask = (isSized ? 0 : IN_MODIFY) | (kind === 'fifo' ? IN_ACCESS : 0);
    if (mask !== 0) this.#post(watch, { ...NO_EVENT, mask });
  }
}

/** The sources of a watch that have an EVFILT_VNODE knote. */
export const vnodesOf = ({ sources }: InodeWatch): readonly FdSource[] =>
  [...sources].filter(({ aspect }) => aspect === 'vnode');

/** The events that can change the result of EVFILT_READ and EVFILT_WRITE. */
const contentsOf = ({ descriptor }: FdSource): number =>
  IN_Q_OVERFLOW | eventsOfContents(descriptor);

function eventsOfContents({ kind }: Descriptor): number {
  if (kind === 'pipe') return PIPE_EVENTS;
  // Opening or closing a FIFO changes nothing for its other users: rule G21.
  return kind === 'fifo' ? TRAFFIC : FILE_EVENTS;
}

/** The inotify events of a source's inode. */
function eventsOf({ aspect, descriptor }: FdSource): number {
  if (aspect !== 'vnode') return eventsOfContents(descriptor);
  // If a file is emptied and written again, its writer closes it.
  const isFile = descriptor.kind === 'file';
  return isFile ? VNODE_EVENTS | IN_CLOSE_WRITE : VNODE_EVENTS;
}
