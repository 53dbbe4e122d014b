import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KqueueError, misuse } from '../errors.js';
import { hostDialect, setImmediate } from '../host/index.js';
import type { Kqueue, KqueueEvent, VnodeNote } from '../queue/index.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
  type Source,
} from './event-iterator.js';
import { type Member, SharedQueue } from './shared-queue.js';
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
      /** As passed to {@link watchFile}. */
      readonly path: string;
      /** How many bytes it has now. */
      readonly size: number;
    }
  | {
      /** It was unlinked, or renamed. */
      readonly type: 'deleted';
      readonly path: string;
    };

/** A `file:` URL: a `URL` of Node's types, or of the DOM's. */
export interface FileUrl {
  readonly href: string;
  readonly protocol: string;
}

const ACTION = 'watch a file';

/**
 * Open for its events only, which neither asks for the right to read nor keeps
 * a volume from being unmounted: Darwin's bsd/sys/fcntl.h. Node has no name
 * for it.
 */
const O_EVTONLY = 0x8000;

/** Do not block on a FIFO, nor acquire a controlling terminal. */
const OPEN_FLAGS =
  (process.platform === 'darwin' ? O_EVTONLY : constants.O_RDONLY) |
  constants.O_NONBLOCK |
  constants.O_NOCTTY;

/** Notes that mean that the contents changed. */
const WRITE_NOTES: readonly VnodeNote[] = ['write', 'extend', 'truncate'];
const NOTES: readonly VnodeNote[] = [
  'write',
  'extend',
  'attrib',
  'link',
  'rename',
  'delete',
];

/** How often the path is resolved again at once while it keeps changing. */
const MAX_ATTEMPTS = 64;

const queue = /* @__PURE__ */ new SharedQueue();

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
class PathSource implements Source<FileEvent>, Member {
  readonly #originalPath: string;
  readonly #path: string;
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

  constructor(originalPath: string) {
    this.#originalPath = originalPath;
    this.#path = resolve(originalPath);
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
      if (event.notes.some((note) => WRITE_NOTES.includes(note))) {
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
      fd = openSync(point.path, OPEN_FLAGS);
    } catch (error) {
      const isUnreadable = isLinkDirectory && isRefusal(error);
      if (isUnreadable) this.#unreadable.add(point.path);
      if (isUnreadable || isNotFound(error)) return undefined;
      throw error;
    }
    try {
      const stats = fstatSync(fd, { bigint: true });
      this.#kq.add({
        filter: 'vnode',
        fd,
        notes: supportedNotes(),
        udata: this,
      });
      const watched = { point: { ...point, stats }, fd };
      this.#watched = [...this.#watched, watched];
      return watched;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #release({ fd }: WatchedPoint): void {
    try {
      this.#kq.delete({ filter: 'vnode', fd });
    } catch (error) {
      // It was revoked, or the queue is closed: there is no registration.
      if (!(error instanceof KqueueError)) throw error;
    } finally {
      closeSync(fd);
    }
  }

  #readState(): FileState | undefined {
    const watched = this.#watched.find(({ point }) => point.isTarget);
    if (watched === undefined) return undefined;
    return { watched, stats: fstatSync(watched.fd, { bigint: true }) };
  }

  #nextDifference(): FileEvent | undefined {
    const path = this.#originalPath;
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

/** OpenBSD also has `truncate`; libkqueue lacks `revoke`. */
const supportedNotes = (): readonly VnodeNote[] => {
  const all = [...NOTES];
  const { NOTE_REVOKE, NOTE_TRUNCATE } = hostDialect().constants;
  if (NOTE_REVOKE !== undefined) all.push('revoke');
  if (NOTE_TRUNCATE !== undefined) all.push('truncate');
  return all;
};

function pathOf(path: unknown): string {
  if (path instanceof URL && path.protocol === 'file:') {
    return fileURLToPath(path);
  }
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) {
    return path;
  }
  const expected = 'a path without null bytes, or a file: URL';
  throw new TypeError(misuse(ACTION, 'path', expected, path));
}

/** {@link watchFile}, loaded when it is first called. */
export function watchFile(
  path: string | FileUrl,
  options: IteratorOptions = {},
): EventIterator<FileEvent> {
  const originalPath = pathOf(path);
  return eventIterator(ACTION, options, () => new PathSource(originalPath));
}
