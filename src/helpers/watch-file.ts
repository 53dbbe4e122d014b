import { type BigIntStats, closeSync, fstatSync } from 'node:fs';
import { KqueueError } from '../errors.js';
import { hostDialect, setImmediate } from '../host/index.js';
import type { Kqueue, KqueueEvent } from '../queue/index.js';
import {
  type BytePath,
  checkPath,
  type FilePath,
  toAbsolute,
  toText,
} from './byte-path.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
  type Source,
} from './event-iterator.js';
import {
  areOfContents,
  openForEvents,
  fileQueue as queue,
  unwatchVnode,
  watchVnode,
} from './file-queue.js';
import type { Member } from './shared-queue.js';
import {
  findWatchPoints,
  isNotFound,
  isSameFile,
  type WatchPoint,
} from './watch-points.js';

/** A change of a path: {@link watchFile}. */
export type FileEvent =
  | {
      /**
       * - `changed`: it was written to, cut, or given another time of
       *   modification; of a directory, an entry came or went;
       * - `attributes`: its mode, its owner or its links changed;
       * - `replaced`: another file is there, by a rename or in some other way;
       * - `created`: there was nothing, now there is.
       */
      readonly type: 'changed' | 'attributes' | 'replaced' | 'created';
      /** As passed to {@link watchFile}; a Buffer or a URL as text. */
      readonly path: string;
      /** How many bytes it has now. */
      readonly size: number;
    }
  | {
      /** It was unlinked, or renamed. */
      readonly type: 'deleted';
      readonly path: string;
    };

const ACTION = 'watch a file';

/** How often the path is resolved again at once while it keeps changing. */
const MAX_ATTEMPTS = 64;

let mountIdents = 0;

/** Errors that say nothing of whether the kernel has a filter. */
const LACKS: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

/** A watched point. It stays the same file as long as it is open. */
interface WatchedPoint {
  readonly point: WatchPoint;
  readonly fd: number;
}

/** The file as it was last reported. */
interface FileState {
  readonly watched: WatchedPoint;
  readonly stats: BigIntStats;
}

/**
 * Follows a path. It reports the difference between the file as it was last
 * reported and as it is now. The kernel's events say when to compare the two.
 * They also reveal changes that leave no trace in the file's size and times.
 */
export class PathSource implements Source<FileEvent>, Member {
  readonly #text: string;
  readonly #path: BytePath;
  readonly #kq: Kqueue<Member>;
  #watched: readonly WatchedPoint[] = [];
  /** Directories of symbolic links that this process may search, but not open. */
  readonly #unreadable = new Set<string>();
  #reported: FileState | undefined;
  /** Events of the file since its state was last read. */
  #isWritten = false;
  #isTouched = false;
  #isClosed = false;
  #isCancelled = false;
  /** Its registration of EVFILT_FS in the shared queue. */
  readonly #mountIdent = ++mountIdents;
  #isMountWatched = false;
  #pendingWait: { resolve(): void; reject(error: unknown): void } | undefined;

  constructor(path: BytePath) {
    this.#text = toText(path);
    this.#path = toAbsolute(path);
    this.#kq = queue.join(this);
    try {
      this.#isMountWatched = this.#changeMountWatch('add');
      this.#updateWatches();
      this.#reported = this.#readState();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async pull(): Promise<FileEvent | undefined> {
    this.#isCancelled = false;
    while (!this.#isClosed) {
      // Events from before the comparison would be reported twice.
      queue.deliverPending();
      const isStable = this.#updateWatches();
      const event = this.#nextDifference();
      if (event !== undefined) return event;
      if (this.#isCancelled) return undefined;
      if (isStable) await this.#waitForEvent();
      else await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return undefined;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#pendingWait?.resolve();
  }

  onEvent(event: KqueueEvent): void {
    const isVnode = event.filter === 'vnode';
    if (isVnode && event.fd === this.#reported?.watched.fd) {
      if (areOfContents(event.notes)) {
        this.#isWritten = true;
      } else {
        this.#isTouched = true;
      }
    }
    this.#pendingWait?.resolve();
  }

  onError(error: unknown): void {
    this.#pendingWait?.reject(error);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#pendingWait !== undefined) queue.unref();
    this.#pendingWait = undefined;
    for (const watched of this.#watched) this.#release(watched);
    this.#watched = [];
    if (this.#isMountWatched) this.#changeMountWatch('delete');
    this.#isMountWatched = false;
    queue.leave(this);
  }

  /**
   * A mount or unmount over the path changes no file that is watched. False
   * where the kernel does not report them.
   */
  #changeMountWatch(op: 'add' | 'delete'): boolean {
    const filter: number | undefined = hostDialect().constants.EVFILT_FS;
    if (filter === undefined) return false;
    const kevent = { ident: this.#mountIdent, filter };
    try {
      if (op === 'delete') this.#kq.delete({ filter: 'raw', kevent });
      else this.#kq.add({ filter: 'raw', kevent, udata: this });
      return true;
    } catch (error) {
      const isRefused =
        error instanceof KqueueError && !LACKS.includes(error.code);
      if (isRefused || op === 'delete') return false;
      throw error;
    }
  }

  /** Resolve at the next event. */
  #waitForEvent(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      queue.ref();
      const leave = (): void => {
        this.#pendingWait = undefined;
        queue.unref();
      };
      this.#pendingWait = {
        resolve() {
          leave();
          resolve();
        },
        reject(error) {
          leave();
          reject(error);
        },
      };
    });
  }

  /** Watch what the path resolves to: false if it keeps changing. */
  #updateWatches(): boolean {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const all = findWatchPoints(this.#path);
      const end = all.at(-1);
      const points = all.filter(
        (point) => point === end || !this.#unreadable.has(point.path),
      );
      // It resolves to what is already watched: no change was missed.
      if (
        points.length === this.#watched.length &&
        points.every((point) => this.#findWatched(point) !== undefined)
      ) {
        return true;
      }
      this.#watchPoints(points);
    }
    return false;
  }

  #findWatched({
    path,
    stats,
    isTarget,
  }: WatchPoint): WatchedPoint | undefined {
    return this.#watched.find(
      ({ point }) =>
        point.path === path &&
        point.isTarget === isTarget &&
        isSameFile(point.stats, stats),
    );
  }

  #watchPoints(points: readonly WatchPoint[]): void {
    const kept = new Set<WatchedPoint>();
    for (const point of points) {
      const isLinkDirectory = point !== points.at(-1);
      const watched =
        this.#findWatched(point) ?? this.#open(point, isLinkDirectory);
      if (watched !== undefined) kept.add(watched);
    }
    for (const watched of this.#watched) {
      if (!kept.has(watched)) this.#release(watched);
    }
    this.#watched = [...kept];
  }

  /** Open and watch what is at a point: `undefined` if it is gone again. */
  #open(point: WatchPoint, isLinkDirectory: boolean): WatchedPoint | undefined {
    let fd: number;
    try {
      fd = openForEvents(point.path);
    } catch (error) {
      const isUnreadable = isLinkDirectory && isRefusal(error);
      if (isUnreadable) this.#unreadable.add(point.path);
      if (isUnreadable || isNotFound(error)) return undefined;
      throw error;
    }
    try {
      const stats = fstatSync(fd, { bigint: true });
      watchVnode(this.#kq, fd, this);
      const watched = { point: { ...point, stats }, fd };
      this.#watched = [...this.#watched, watched];
      return watched;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #release({ fd }: WatchedPoint): void {
    unwatchVnode(this.#kq, fd);
  }

  #readState(): FileState | undefined {
    const watched = this.#watched.find(({ point }) => point.isTarget);
    if (watched === undefined) return undefined;
    return { watched, stats: fstatSync(watched.fd, { bigint: true }) };
  }

  #nextDifference(): FileEvent | undefined {
    const path = this.#text;
    const before = this.#reported;
    const now = this.#readState();
    this.#reported = now;
    const [written, touched] = [this.#isWritten, this.#isTouched];
    this.#isWritten = false;
    this.#isTouched = false;
    if (now === undefined) {
      return before === undefined ? undefined : { type: 'deleted', path };
    }
    const size = Number(now.stats.size);
    if (before === undefined) return { type: 'created', path, size };
    if (before.watched !== now.watched) return { type: 'replaced', path, size };
    const [old, stats] = [before.stats, now.stats];
    if (written || old.size !== stats.size || old.mtimeNs !== stats.mtimeNs) {
      return { type: 'changed', path, size };
    }
    return touched || old.ctimeNs !== stats.ctimeNs
      ? { type: 'attributes', path, size }
      : undefined;
  }
}

const isRefusal = (error: unknown): boolean =>
  ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

/** {@link watchFile}, loaded when it is first called. */
export function watchFile(
  path: FilePath,
  options: IteratorOptions = {},
): EventIterator<FileEvent> {
  const bytes = checkPath(path, ACTION);
  return eventIterator(ACTION, options, () => new PathSource(bytes));
}
