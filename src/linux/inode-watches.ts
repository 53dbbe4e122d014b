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
import { isSameInode } from './probe.js';
import type { Queue } from './queue.js';
import { type FdSource, knotesOf } from './source.js';
import { hintsOf, type Snapshot, VNODE_EVENTS } from './vnode-hints.js';

/** Every post of a vnode has EV_CLEAR knotes evaluated again: spec G51. */
const FILE_EVENTS = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF;
const TRAFFIC = IN_ACCESS | IN_MODIFY;
const PIPE_EVENTS = TRAFFIC | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE;

/** As after an overflow: each watch may have missed something. */
const LOST_EVENTS: InotifyEvent = {
  mask: IN_Q_OVERFLOW,
  ofEntry: false,
  stays: false,
  edge: 0,
};

/** One inode that inotify watches, and for which sources. */
export interface InodeWatch {
  readonly wd: number;
  /** The sources open on it: both ends of a pipe, all descriptors of a file. */
  readonly sources: Set<FdSource>;
  /** Watched directories in it, whose removal only it reports. */
  readonly children: Set<FdSource>;
  /** The state that changes are compared with: only for EVFILT_VNODE. */
  snapshot: Snapshot | null;
}

/** The inodes that one queue watches with inotify. */
export class InodeWatches {
  readonly #queue: Queue;
  readonly #byWd = new Map<number, InodeWatch>();
  #inotify: Inotify | undefined;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Open inotify, unless it is: a Darwin errno. */
  open(): number {
    if (this.#inotify !== undefined) return 0;
    const opened = Inotify.create(this.#queue, (wd, event) =>
      this.#onEvent(wd, event),
    );
    if (typeof opened === 'number') return opened;
    this.#inotify = opened;
    return 0;
  }

  /** Watch everything anew if inotify was closed elsewhere. */
  check(): void {
    if (this.#inotify === undefined || this.#inotify.isOpen()) return;
    this.#inotify.close();
    this.#inotify = undefined;
    const watches = [...this.#byWd.values()];
    this.#byWd.clear();
    for (const { sources, children, snapshot } of watches) {
      for (const source of sources) {
        if (!this.#queue.kernel.identity.isCurrent(source)) continue;
        if (!this.add(source)) continue;
        const watch = this.get(source);
        if (watch !== undefined) watch.snapshot ??= snapshot;
      }
      for (const source of children) {
        this.#queue.sources.directories.followMove(source);
      }
    }
    // Whatever happened in between was not reported.
    for (const watch of this.#byWd.values()) this.#post(watch, LOST_EVENTS);
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

  /** Watch the parent of a directory for its removal. */
  addChild(parent: string, source: FdSource): InodeWatch | undefined {
    const watch = this.#watch(parent, IN_DELETE);
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

  /** Stop watching an inode that no source needs any more. */
  #release(watch: InodeWatch): void {
    const { wd, sources, children } = watch;
    if (sources.size > 0 || children.size > 0) return;
    // It may be of an inotify that was closed elsewhere.
    if (this.#byWd.get(wd) !== watch) return;
    this.#byWd.delete(wd);
    this.#inotify?.remove(wd);
  }

  // ---- events -------------------------------------------------------------

  #onEvent(wd: number, event: InotifyEvent): void {
    if ((event.mask & IN_Q_OVERFLOW) !== 0) {
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
    const { mask, ofEntry } = event;
    const { sources, children } = watch;
    const { knotes, sources: all } = this.#queue;
    const mayRemove = (mask & (IN_DELETE | IN_Q_OVERFLOW)) !== 0;
    if (children.size > 0 && mayRemove) all.directories.poll(children);
    if ((mask & (IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)) !== 0) {
      for (const source of sources) source.mayHaveEnded = true;
    }
    const hints = this.#hints(watch, event);
    // Each hint is a post to all knotes of the inode, the newest first.
    for (const hint of hints.length > 0 ? hints : [0]) {
      for (const knote of knotesOf(sources)) {
        const { source } = knote;
        if (source === null) continue;
        if (source.aspect === 'vnode') {
          if (hint !== 0) knotes.postVnode(knote, hint);
        } else if (!ofEntry && (mask & contentsOf(source)) !== 0) {
          this.#postContents(source, knote, mask);
        }
      }
    }
    if ((mask & IN_MOVE_SELF) !== 0) {
      for (const source of sources) all.directories.followMove(source);
    }
  }

  /** The change, in bits of EVFILT_VNODE. */
  #hints(watch: InodeWatch, event: InotifyEvent): readonly number[] {
    const { snapshot } = watch;
    if (snapshot === null) return [];
    const { kernel, sources } = this.#queue;
    for (const source of vnodesOf(watch)) {
      // Only a source that still has the file open can say how it is now.
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
    // Just after a write there was something to read, whatever came later.
    if (wasReadable && lowWater(knote, 1) === 1)
      this.#queue.knotes.activate(knote);
    else this.#queue.knotes.post(knote);
  }

  /**
   * An inode is gone, and the next file may get its number. So a descriptor
   * that seems to be open on it still is another file's by now; unless it has
   * no name at all: inotify also ends when the last name goes while a file is
   * open by one that went before.
   */
  #onInodeGone(watch: InodeWatch): void {
    const { kernel, sources } = this.#queue;
    for (const source of [...watch.sources]) {
      if (source.epoll >= 0) continue;
      const stat = kernel.probe.stat(source.descriptor.fd);
      const isOpen = stat !== undefined && isSameInode(stat, source.descriptor);
      if (!isOpen || stat.links > 0) {
        sources.drop(source, false);
        continue;
      }
      watch.sources.delete(source);
      if (!this.add(source)) continue;
      const next = this.get(source);
      if (next !== undefined) next.snapshot ??= watch.snapshot;
    }
    this.#release(watch);
  }
}

/** The sources of a watch that EVFILT_VNODE is registered for. */
export const vnodesOf = ({ sources }: InodeWatch): readonly FdSource[] =>
  [...sources].filter(({ aspect }) => aspect === 'vnode');

/** Events that can change what EVFILT_READ and EVFILT_WRITE report. */
const contentsOf = ({ descriptor }: FdSource): number =>
  IN_Q_OVERFLOW | eventsOfContents(descriptor);

function eventsOfContents({ kind }: Descriptor): number {
  if (kind === 'pipe') return PIPE_EVENTS;
  // One that opens or closes a FIFO changes nothing for the others: spec G21.
  return kind === 'fifo' ? TRAFFIC : FILE_EVENTS;
}

/** The inotify events of a source's inode. */
function eventsOf({ aspect, descriptor }: FdSource): number {
  if (aspect !== 'vnode') return eventsOfContents(descriptor);
  // A file that is emptied and written anew is closed by its writer.
  const isFile = descriptor.kind === 'file';
  return isFile ? VNODE_EVENTS | IN_CLOSE_WRITE : VNODE_EVENTS;
}
