import { type Libc, type NativeBlock, nativeBlock } from '../ffi/index.js';
import { CLOEXEC, EPOLLET, EPOLLIN, NONBLOCK } from './constants.js';
import { LINUX_EINTR, lastErrno } from './errno.js';
import type { OwnMember } from './own-members.js';
import type { Queue } from './queue.js';

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
export const IN_Q_OVERFLOW = 0x4000;
/** The watch has ended, because its inode was deleted. */
export const IN_IGNORED = 0x8000;
export const IN_ISDIR = 0x40000000;
const BITS = EPOLLIN | EPOLLET;
const IN_MASK_ADD = 0x20000000;

/** Space for a thousand events without a name. */
const BUFFER_BYTES = 16384;
/**
 * The maximum number of reads per edge, in case events arrive as fast as they
 * are read. It allows more than 16384 events, inotify's default limit, each
 * with the longest name.
 */
const MAX_READS = 512;

/** One event of inotify(7). */
export interface InotifyEvent {
  readonly mask: number;
  /**
   * The event is about an entry of the directory, not about the directory
   * itself.
   */
  readonly ofEntry: boolean;
  /** An entry was renamed within the directory. */
  readonly stays: boolean;
  /** The edge at which it was read. Events that are read together share it. */
  readonly edge: number;
}

interface RawEvent extends InotifyEvent {
  readonly wd: number;
  readonly cookie: number;
  stays: boolean;
}

/** The two events of a rename follow one another and share a cookie. */
const isRename = (from: RawEvent, to: RawEvent): boolean =>
  (from.mask & IN_MOVED_FROM) !== 0 &&
  from.wd === to.wd &&
  from.cookie === to.cookie;

/** `wd` is the watch. After an overflow, all watches may have lost events. */
type OnEvent = (wd: number, event: InotifyEvent) => void;

interface InotifyListener {
  readonly onEvent: OnEvent;
  /**
   * Other code closed the descriptor, which removed the watches. Returns false
   * if there is no other now.
   */
  onLost(inotify: Inotify): boolean;
}

/**
 * The inotify instance of one queue. It reports changes of files, and every
 * read and write of a pipe in order, which epoll does not (rule G15).
 */
export class Inotify implements OwnMember {
  slot = -1;
  generation = 0;
  readonly #queue: Queue;
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #listener: InotifyListener;
  readonly #buffer: NativeBlock = nativeBlock(BUFFER_BYTES);
  #edge = 0;
  /** The last event that was read, until the next one is known. */
  #last: RawEvent | undefined;

  private constructor(queue: Queue, fd: number, listener: InotifyListener) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
    this.#fd = fd;
    this.#listener = listener;
  }

  /** Make an instance for a queue. Returns a Darwin errno if that fails. */
  static create(queue: Queue, listener: InotifyListener): Inotify | number {
    const { libc } = queue.kernel;
    const fd = libc.inotifyInit(CLOEXEC | NONBLOCK);
    if (fd < 0) return lastErrno(libc);
    const inotify = new Inotify(queue, fd, listener);
    const errno = queue.addMember(inotify, fd, BITS);
    if (errno === 0) return inotify;
    libc.close(fd);
    return errno;
  }

  /**
   * Watch the inode of a path for more events. Returns the watch descriptor, or
   * -1.
   */
  add(path: string, mask: number): number {
    return this.#libc.inotifyAddWatch(this.#fd, path, mask | IN_MASK_ADD);
  }

  remove(wd: number): void {
    this.#libc.inotifyRmWatch(this.#fd, wd);
  }

  /** Read and report all events. */
  edge(): void {
    const { others } = this.#queue.epolls;
    // Otherwise it would read another file.
    if (!others.isOpen(this)) {
      others.reopen(this);
      return;
    }
    this.#edge++;
    for (let round = 0; round < MAX_READS; round++) {
      const bytes = this.#libc.read(
        this.#fd,
        this.#buffer.address,
        BUFFER_BYTES,
      );
      // The edge was consumed: an event that is left unread would never be
      // reported.
      if (bytes < 0 && this.#libc.errno() === LINUX_EINTR) continue;
      if (bytes <= 0) {
        this.#report(undefined);
        return;
      }
      this.#parse(bytes);
    }
    this.#report(undefined);
    // There are more events, and no new edge would report them.
    this.#queue.epolls.rearm(this, this.#fd, BITS);
  }

  /** Report the events of one read. The last one may be half of a rename. */
  #parse(bytes: number): void {
    const { i32, u32 } = this.#buffer;
    for (let at = 0; at < bytes; ) {
      const word = at >> 2;
      const nameBytes = u32[word + 3];
      this.#report({
        wd: i32[word],
        mask: u32[word + 1],
        cookie: u32[word + 2],
        ofEntry: nameBytes > 0,
        stays: false,
        edge: this.#edge,
      });
      at += 16 + nameBytes;
    }
  }

  /** Report the event before this one, which shows whether that is a rename. */
  #report(next: RawEvent | undefined): void {
    const last = this.#last;
    this.#last = next;
    if (last === undefined) return;
    if (next !== undefined && isRename(last, next)) {
      last.stays = true;
      next.stays = true;
    }
    this.#listener.onEvent(last.wd, last);
  }

  reopen(): boolean {
    this.close();
    return this.#listener.onLost(this);
  }

  /** Close it, unless its descriptor is now another file. */
  close(): void {
    if (this.#queue.removeMember(this, this.#fd)) this.#libc.close(this.#fd);
  }
}
