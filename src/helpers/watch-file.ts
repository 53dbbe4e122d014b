import { KqueueError } from '../errors.js';
import {
  clearTimeout,
  hostDialect,
  setImmediate,
  setTimeout,
  type Timer,
} from '../host/index.js';
import type { Kqueue, KqueueEvent } from '../queue/index.js';
import { checkPath, toAbsolute, toText } from './byte-path.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
  type Source,
} from './event-iterator.js';
import type { BytePath, FilePath } from './file-path.js';
import { areOfContents, fileChecks, fileQueue as queue } from './file-queue.js';
import { type FileState, LACKS, PathWatches } from './path-watches.js';
import type { Member } from './shared-queue.js';
import { checkTrailingSlash } from './watch-points.js';

/** The value of {@link watchFile}: a change of a path. */
export type FileEvent =
  | {
      /**
       * - `changed`: the file was written or truncated, or its modification time
       *   changed; in a directory, an entry was added or removed
       * - `attributes`: its mode, owner or link count changed
       * - `replaced`: the path now names another file, for example after a rename
       * - `created`: the file appeared
       */
      readonly type: 'changed' | 'attributes' | 'replaced' | 'created';
      /** The path as passed to {@link watchFile}; a Buffer or a URL as text. */
      readonly path: string;
      /** The current size in bytes. */
      readonly size: number;
    }
  | {
      /** The file was unlinked, or renamed away. */
      readonly type: 'deleted';
      readonly path: string;
    };

const ACTION = 'watch a file';

/** The polling interval for files that cannot be watched, in milliseconds. */
const LOOK_MS = 250;

let mountIdents = 0;

/**
 * Follows a path. It reports the difference between the file as it was last
 * reported and as it is now. The kernel's events say when to compare the two.
 * They also reveal changes that leave no trace in the file's size and times.
 */
export class PathSource implements Source<FileEvent>, Member {
  readonly #text: string;
  readonly #kq: Kqueue<Member>;
  readonly #watches: PathWatches;
  #reported: FileState | undefined;
  /** Events of the file since its state was last read. */
  #isWritten = false;
  #isTouched = false;
  #isClosed = false;
  #isCancelled = false;
  /** The queue has failed, perhaps while no wait was pending. */
  #failure: { readonly error: unknown } | undefined;
  /** Its registration of EVFILT_FS in the shared queue. */
  readonly #mountIdent = ++mountIdents;
  #isMountWatched = false;
  #lookTimer: Timer | undefined;
  #pendingWait: { resolve(): void; reject(error: unknown): void } | undefined;

  constructor(path: BytePath) {
    this.#text = toText(path);
    this.#kq = queue.join(this);
    this.#watches = new PathWatches(toAbsolute(path), this.#kq, this);
    try {
      this.#isMountWatched = this.#changeMountWatch('add');
      this.#watches.update();
      this.#reported = this.#watches.readState();
      this.#watches.isTolerant = true;
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
      if (this.#failure !== undefined) throw this.#failure.error;
      const isStable = this.#watches.update();
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
    this.#failure = { error };
    this.#pendingWait?.reject(error);
  }

  /** If other code closed a descriptor, the file causes no event any more. */
  check(): void {
    if (!this.#watches.areOpen()) this.#pendingWait?.resolve();
  }

  close(): void {
    this.#isClosed = true;
    fileChecks.delete(this);
    if (this.#pendingWait !== undefined) queue.unref();
    this.#pendingWait = undefined;
    clearTimeout(this.#lookTimer);
    this.#watches.close();
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

  /** Resolve at the next event, or after the polling interval. */
  #waitForEvent(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      queue.ref();
      fileChecks.add(this);
      if (this.#watches.hasUnopened) {
        const look = (): void => this.#pendingWait?.resolve();
        this.#lookTimer = setTimeout(look, LOOK_MS);
      }
      const leave = (): void => {
        this.#pendingWait = undefined;
        fileChecks.delete(this);
        clearTimeout(this.#lookTimer);
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

  #nextDifference(): FileEvent | undefined {
    const path = this.#text;
    const before = this.#reported;
    const now = this.#watches.readState();
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

/** {@link watchFile}, loaded when it is first called. */
export function watchFile(
  path: FilePath,
  options: IteratorOptions = {},
): EventIterator<FileEvent> {
  const bytes = checkPath(path, ACTION);
  return eventIterator(ACTION, options, () => {
    checkTrailingSlash(bytes);
    return new PathSource(bytes);
  });
}
