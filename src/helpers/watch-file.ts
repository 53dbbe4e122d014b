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
import { hostDialect } from '../host/index.js';
import type { Kqueue, KqueueEvent, VnodeNote } from '../queue/index.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
  type Source,
} from './event-iterator.js';
import { type Member, SharedQueue } from './shared-queue.js';
import { isAbsence, isSameFile, type Spot, spotsOf } from './spots.js';

/** What happened to a path: {@link watchFile}. */
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
      /** As it was given. */
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

/** A FIFO is not waited for, a terminal not taken. */
const OPEN_FLAGS =
  (process.platform === 'darwin' ? O_EVTONLY : constants.O_RDONLY) |
  constants.O_NONBLOCK |
  constants.O_NOCTTY;

/** What tells that contents changed. */
const WRITTEN: readonly VnodeNote[] = ['write', 'extend', 'truncate'];
const NOTES: readonly VnodeNote[] = [
  'write',
  'extend',
  'attrib',
  'link',
  'rename',
  'delete',
];

/** How often it is looked again, at once, whether something else is there. */
const LOOKS = 64;

const queue = /* @__PURE__ */ new SharedQueue();

/** A spot that is watched: it stays the same file as long as it is open. */
interface Anchor {
  readonly spot: Spot;
  readonly fd: number;
}

/** What is known of the file. */
interface Known {
  readonly anchor: Anchor;
  readonly stats: BigIntStats;
}

/**
 * Follows a path. What is told is the difference between what was told before
 * and what is there now, looked at with everything watched that could change
 * it. The kernel's events say when to look, and of a change that leaves no
 * trace in the file's size and times, that there was one.
 */
class PathSource implements Source<FileEvent>, Member {
  readonly #given: string;
  readonly #path: string;
  readonly #kq: Kqueue<Member>;
  #anchors: readonly Anchor[] = [];
  /** Directories of links on the way that may be passed, but not be read. */
  readonly #barred = new Set<string>();
  #known: Known | undefined;
  /** What happened to the file since it was looked at. */
  #written = false;
  #touched = false;
  #closed = false;
  #asking: { resolve(): void; reject(error: unknown): void } | undefined;

  constructor(given: string) {
    this.#given = given;
    this.#path = resolve(given);
    this.#kq = queue.join(this);
    try {
      this.#settle();
      this.#known = this.#look();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async pull(): Promise<FileEvent | undefined> {
    while (!this.#closed) {
      // Else what has happened already would be told of twice.
      queue.flush();
      const settled = this.#settle();
      const event = this.#difference();
      if (event !== undefined) return event;
      if (settled) await this.#stir();
      else await new Promise(setImmediate);
    }
    return undefined;
  }

  tell(event: KqueueEvent): void {
    if (event.filter !== 'vnode') return;
    if (event.fd === this.#known?.anchor.fd) {
      if (event.notes.some((note) => WRITTEN.includes(note))) {
        this.#written = true;
      } else {
        this.#touched = true;
      }
    }
    this.#asking?.resolve();
  }

  fail(error: unknown): void {
    this.#asking?.reject(error);
  }

  close(): void {
    this.#closed = true;
    if (this.#asking !== undefined) queue.rest();
    this.#asking = undefined;
    for (const anchor of this.#anchors) this.#release(anchor);
    this.#anchors = [];
    queue.leave(this);
  }

  /** Until something happens. */
  #stir(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      queue.wait();
      const leave = (): void => {
        this.#asking = undefined;
        queue.rest();
      };
      this.#asking = {
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

  /** Watch all that is to be watched now: false if that does not hold still. */
  #settle(): boolean {
    for (let look = 0; look < LOOKS; look++) {
      const all = spotsOf(this.#path);
      const end = all.at(-1);
      const spots = all.filter(
        (spot) => spot === end || !this.#barred.has(spot.path),
      );
      // Looked at after it was armed, it is as it was: nothing was missed.
      if (
        spots.length === this.#anchors.length &&
        spots.every((spot) => this.#anchorAt(spot) !== undefined)
      ) {
        return true;
      }
      this.#watch(spots);
    }
    return false;
  }

  #anchorAt({ path, stats, isTarget }: Spot): Anchor | undefined {
    return this.#anchors.find(
      ({ spot }) =>
        spot.path === path &&
        spot.isTarget === isTarget &&
        isSameFile(spot.stats, stats),
    );
  }

  #watch(spots: readonly Spot[]): void {
    const kept = new Set<Anchor>();
    for (const spot of spots) {
      const isWay = spot !== spots.at(-1);
      const anchor = this.#anchorAt(spot) ?? this.#open(spot, isWay);
      if (anchor !== undefined) kept.add(anchor);
    }
    for (const anchor of this.#anchors) {
      if (!kept.has(anchor)) this.#release(anchor);
    }
    this.#anchors = [...kept];
  }

  /** Open and watch what is at a spot: `undefined` if it is gone again. */
  #open(spot: Spot, isWay: boolean): Anchor | undefined {
    let fd: number;
    try {
      fd = openSync(spot.path, OPEN_FLAGS);
    } catch (error) {
      const isBarred = isWay && isRefusal(error);
      if (isBarred) this.#barred.add(spot.path);
      if (isBarred || isAbsence(error)) return undefined;
      throw error;
    }
    try {
      const stats = fstatSync(fd, { bigint: true });
      this.#kq.add({ filter: 'vnode', fd, notes: notes(), udata: this });
      const anchor = { spot: { ...spot, stats }, fd };
      this.#anchors = [...this.#anchors, anchor];
      return anchor;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #release({ fd }: Anchor): void {
    try {
      this.#kq.delete({ filter: 'vnode', fd });
    } catch (error) {
      // It was revoked, or the queue is closed: there is no registration.
      if (!(error instanceof KqueueError)) throw error;
    } finally {
      closeSync(fd);
    }
  }

  #look(): Known | undefined {
    const anchor = this.#anchors.find(({ spot }) => spot.isTarget);
    if (anchor === undefined) return undefined;
    return { anchor, stats: fstatSync(anchor.fd, { bigint: true }) };
  }

  #difference(): FileEvent | undefined {
    const path = this.#given;
    const before = this.#known;
    const now = this.#look();
    this.#known = now;
    const [written, touched] = [this.#written, this.#touched];
    this.#written = false;
    this.#touched = false;
    if (now === undefined) {
      return before === undefined ? undefined : { type: 'deleted', path };
    }
    const size = Number(now.stats.size);
    if (before === undefined) return { type: 'created', path, size };
    if (before.anchor !== now.anchor) return { type: 'replaced', path, size };
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

/** OpenBSD has one more for its attributes, and libkqueue no revoking. */
const notes = (): readonly VnodeNote[] => {
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
  const given = pathOf(path);
  return eventIterator(ACTION, options, () => new PathSource(given));
}
