import { type BigIntStats, closeSync, fstatSync, statSync } from 'node:fs';
import { KqueueError } from '../errors.js';
import type { Kqueue } from '../queue/index.js';
import type { BytePath } from './file-path.js';
import {
  isOpenOn,
  isSameFile,
  openForEvents,
  unwatchVnode,
  watchVnode,
} from './file-queue.js';
import type { Member } from './shared-queue.js';
import {
  directoryOf,
  findWatchPoints,
  isNotFound,
  statIfPresent,
  type WatchPoint,
} from './watch-points.js';

/** How many times the path is resolved again while it keeps changing. */
const MAX_ATTEMPTS = 64;

/** Errors that do not mean that the kernel lacks a filter. */
export const LACKS: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

/** A watched point. It is the same file as long as it is open. */
interface WatchedPoint {
  readonly point: WatchPoint;
  /**
   * `undefined` if it cannot be opened, or the kernel does not watch it. It changes
   * if other code closes it.
   */
  fd: number | undefined;
  /** It is not readable, which counts as missing. */
  readonly isHidden: boolean;
}

/** The target of a path. */
export interface FileState {
  readonly watched: WatchedPoint;
  readonly stats: BigIntStats;
}

/** The registrations that are needed to miss no change of a path. */
export class PathWatches {
  readonly #path: BytePath;
  readonly #kq: Kqueue<Member>;
  readonly #member: Member;
  #watched: readonly WatchedPoint[] = [];
  /**
   * Directories of symbolic links that this process may search, but not open.
   */
  readonly #unreadable = new Set<string>();
  #isUnresolved = false;
  /** An unreadable file counts as missing; otherwise it is an error. */
  isTolerant = false;

  constructor(path: BytePath, kq: Kqueue<Member>, member: Member) {
    this.#path = path;
    this.#kq = kq;
    this.#member = member;
  }

  /** Whether there is an object whose changes cause no event. */
  get hasUnopened(): boolean {
    return (
      this.#isUnresolved || this.#watched.some(({ fd }) => fd === undefined)
    );
  }

  /** Watch the target of the path. False if it keeps changing. */
  update(): boolean {
    // They may be readable now.
    this.#watched = this.#watched.filter(({ isHidden }) => !isHidden);
    if (!this.areOpen()) this.#reopen();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const points = this.#findPoints();
      this.#isUnresolved = points === undefined;
      if (points === undefined) {
        this.close();
        return true;
      }
      // It resolves to the objects that are already watched: no change was
      // missed.
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

  /** Whether other code has closed none of the descriptors. */
  areOpen(): boolean {
    return this.#watched.every(isOpen);
  }

  /** Open files again whose descriptors other code closed. */
  #reopen(): void {
    const lost = this.#watched.filter((watched) => !isOpen(watched));
    this.#watched = this.#watched.filter((watched) => !lost.includes(watched));
    for (const old of lost) {
      this.#release(old);
      const found = this.#open(old.point, true);
      if (!found || !isSameFile(found.point.stats, old.point.stats)) continue;
      // It is still the file that was last reported.
      old.fd = found.fd;
      this.#watched = this.#watched.map((each) =>
        each === found ? old : each,
      );
    }
  }

  /** The target of the path; `undefined` if it cannot be read. */
  readState(): FileState | undefined {
    const watched = this.#watched.find(
      ({ point, isHidden }) => point.isTarget && !isHidden,
    );
    if (watched === undefined) return undefined;
    const { point, fd } = watched;
    if (fd !== undefined) {
      return { watched, stats: fstatSync(fd, { bigint: true }) };
    }
    const stats = statIfPresent(point.path, statSync);
    return stats === undefined ? undefined : { watched, stats };
  }

  close(): void {
    for (const watched of this.#watched) this.#release(watched);
    this.#watched = [];
  }

  /**
   * The points to watch; `undefined` if a directory on the path may not be
   * searched.
   */
  #findPoints(): readonly WatchPoint[] | undefined {
    let all: readonly WatchPoint[];
    try {
      all = findWatchPoints(this.#path);
    } catch (error) {
      if (this.isTolerant && isRefusal(error)) return undefined;
      throw error;
    }
    const end = all[all.length - 1];
    const before = all.slice(0, -1);
    // If a file cannot be opened, its directory reports that another file
    // replaces it.
    const isUnopened = end.isTarget && this.#isUnopened(end);
    const directory = isUnopened ? directoryOf(end.path) : undefined;
    if (directory !== undefined) before.push(directory);
    const others = before.filter(
      ({ path }, i) =>
        !this.#unreadable.has(path) &&
        before.findIndex((each) => each.path === path) === i,
    );
    return [...others, end];
  }

  #isUnopened(point: WatchPoint): boolean {
    const watched = this.#findWatched(point);
    return watched !== undefined && watched.fd === undefined;
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
      const isEnd = point === points.at(-1);
      const watched = this.#findWatched(point) ?? this.#open(point, isEnd);
      if (watched !== undefined) kept.add(watched);
    }
    for (const watched of this.#watched) {
      if (!kept.has(watched)) this.#release(watched);
    }
    this.#watched = [...kept];
  }

  /**
   * Open and watch the file at a point. Returns `undefined` if it does not
   * exist any more.
   */
  #open(point: WatchPoint, isEnd: boolean): WatchedPoint | undefined {
    let fd: number;
    try {
      fd = openForEvents(point.path);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!isEnd && isRefusal(error)) {
        this.#unreadable.add(point.path);
        return undefined;
      }
      if (isSpecial(point)) return { point, fd: undefined, isHidden: false };
      if (this.isTolerant && isRefusal(error)) {
        return { point, fd: undefined, isHidden: true };
      }
      throw error;
    }
    try {
      const stats = fstatSync(fd, { bigint: true });
      watchVnode(this.#kq, fd, this.#member);
      const watched = { point: { ...point, stats }, fd, isHidden: false };
      this.#watched = [...this.#watched, watched];
      return watched;
    } catch (error) {
      closeSync(fd);
      const isRefused =
        error instanceof KqueueError && !LACKS.includes(error.code);
      if (isRefused && isSpecial(point)) {
        return { point, fd: undefined, isHidden: false };
      }
      throw error;
    }
  }

  #release({ fd, point }: WatchedPoint): void {
    if (fd !== undefined) unwatchVnode(this.#kq, fd, point.stats);
  }
}

/** Whether other code has not closed the descriptor of a point. */
const isOpen = ({ fd, point }: WatchedPoint): boolean =>
  fd === undefined || isOpenOn(fd, point.stats);

const isRefusal = (error: unknown): boolean =>
  ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

/** A socket cannot be opened, and some devices cannot. */
const isSpecial = ({ stats, isTarget }: WatchPoint): boolean =>
  isTarget && !stats.isFile() && !stats.isDirectory();
