import { type Libc, type NativeBlock, nativeBlock } from '../ffi/index.js';
import {
  CLOEXEC,
  EPOLLET,
  EPOLLIN,
  LINUX_EINTR,
  NONBLOCK,
} from './constants.js';
import type { Member } from './members.js';
import type { Queue } from './queue.js';
import type { FdSource } from './source.js';
import type { Snapshot } from './vnode-hints.js';

export const IN_ACCESS = 0x1;
export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_CLOSE_NOWRITE = 0x10;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_MOVE_SELF = 0x800;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
/** The watch has ended: its inode is no more. */
export const IN_IGNORED = 0x8000;
export const IN_ISDIR = 0x40000000;
const IN_MASK_ADD = 0x20000000;

/** Room for a thousand events without a name. */
const BUFFER_BYTES = 16384;
/** A bound on one look, should events come as fast as they are read. */
const MAX_READS = 64;

/** One inode that is watched, and for whom. */
export interface Watch {
  readonly wd: number;
  /** The descriptors open on it. */
  readonly sources: Set<FdSource>;
  /** Directories below it: only it tells when they are removed. */
  readonly dependents: Set<FdSource>;
  /** What is remembered to tell changes apart: only for EVFILT_VNODE. */
  snapshot: Snapshot | null;
}

/** What happened to a watched inode. */
export interface InotifyEvent {
  readonly mask: number;
  /** It happened to an entry of the directory, not to itself. */
  readonly ofEntry: boolean;
  /** An entry was renamed and is still in the same directory. */
  readonly stays: boolean;
  /** The look in which it was told. */
  readonly look: number;
}

/** Who is told. */
export type Told = (watch: Watch, event: InotifyEvent) => void;

/**
 * The inotify instance of one queue. It tells of every read and write of a
 * pipe, in the order they happened, which epoll does not: spec G15; and of
 * what happens to files.
 */
export class Watcher implements Member {
  slot = -1;
  generation = 0;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #told: Told;
  readonly #buffer: NativeBlock = nativeBlock(BUFFER_BYTES);
  readonly #watches = new Map<number, Watch>();
  #look = 0;

  private constructor(libc: Libc, fd: number, told: Told) {
    this.#libc = libc;
    this.#fd = fd;
    this.#told = told;
  }

  /** Make one for a queue; `undefined` if there are too many already. */
  static create(queue: Queue, told: Told): Watcher | undefined {
    const { libc } = queue.kernel;
    const fd = libc.inotifyInit(CLOEXEC | NONBLOCK);
    if (fd < 0) return undefined;
    const watcher = new Watcher(libc, fd, told);
    if (queue.addMember(watcher, fd, EPOLLIN | EPOLLET) === 0) return watcher;
    libc.close(fd);
    return undefined;
  }

  /** Watch what a path leads to, also for what the watch is there already. */
  watch(path: string, mask: number): Watch | undefined {
    const wd = this.#libc.inotifyAddWatch(this.#fd, path, mask | IN_MASK_ADD);
    if (wd < 0) return undefined;
    // Both ends of a pipe, and all descriptors of a file, share one watch.
    const known = this.#watches.get(wd);
    if (known !== undefined) return known;
    const watch: Watch = {
      wd,
      sources: new Set(),
      dependents: new Set(),
      snapshot: null,
    };
    this.#watches.set(wd, watch);
    return watch;
  }

  /** Stop watching, if nobody needs it any more. */
  release({ wd, sources, dependents }: Watch): void {
    if (sources.size > 0 || dependents.size > 0) return;
    this.#watches.delete(wd);
    this.#libc.inotifyRmWatch(this.#fd, wd);
  }

  /** Epoll says there are events: read them all and tell of each. */
  edge(): void {
    const { i32, u32, address } = this.#buffer;
    const look = ++this.#look;
    for (let round = 0; round < MAX_READS; round++) {
      const bytes = this.#libc.read(this.#fd, address, BUFFER_BYTES);
      // Its edge is gone: what is not read now is not told.
      if (bytes < 0 && this.#libc.errno() === LINUX_EINTR) continue;
      if (bytes <= 0) return;
      // Both halves of a rename are told one after the other, with one cookie.
      const isRename = (from: number, to: number): boolean =>
        to < bytes &&
        (u32[(from >> 2) + 1] & IN_MOVED_FROM) !== 0 &&
        i32[from >> 2] === i32[to >> 2] &&
        u32[(from >> 2) + 2] === u32[(to >> 2) + 2];
      let stayed = false;
      for (let at = 0; at < bytes; ) {
        const word = at >> 2;
        const next = at + 16 + u32[word + 3];
        const stays = isRename(at, next);
        this.#tell(i32[word], {
          mask: u32[word + 1],
          ofEntry: u32[word + 3] > 0,
          stays: stays || stayed,
          look,
        });
        stayed = stays;
        at = next;
      }
    }
  }

  #tell(wd: number, event: InotifyEvent): void {
    if ((event.mask & IN_Q_OVERFLOW) !== 0) {
      for (const watch of this.#watches.values()) this.#told(watch, event);
      return;
    }
    const watch = this.#watches.get(wd);
    if (watch !== undefined) this.#told(watch, event);
  }

  close(): void {
    this.#libc.close(this.#fd);
  }
}
