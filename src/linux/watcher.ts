import type { Libc } from '../ffi/linux.js';
import { type NativeBlock, nativeBlock } from '../ffi/memory.js';
import { CLOEXEC, EPOLLET, EPOLLIN, NONBLOCK } from './constants.js';
import type { Epoll } from './epoll.js';
import { type FdSource, SLOT_WATCHER } from './source.js';

export const IN_ACCESS = 0x1;
export const IN_MODIFY = 0x2;
export const IN_CLOSE_WRITE = 0x8;
export const IN_CLOSE_NOWRITE = 0x10;
const IN_Q_OVERFLOW = 0x4000;

/** Room for a thousand events without a name. */
const BUFFER_BYTES = 16384;
/** A bound on one look, should events come as fast as they are read. */
const MAX_READS = 64;

/**
 * The inotify instance of one queue. It tells of every read and write of a
 * pipe, in the order they happened, which epoll does not: spec G15; and of
 * writes to files.
 */
export class Watcher {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #buffer: NativeBlock = nativeBlock(BUFFER_BYTES);
  readonly #sources = new Map<number, FdSource[]>();

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** Make one in an epoll; `undefined` if there are too many already. */
  static create(libc: Libc, epoll: Epoll, ep: number): Watcher | undefined {
    const fd = libc.inotifyInit(CLOEXEC | NONBLOCK);
    if (fd < 0) return undefined;
    if (epoll.add(ep, fd, EPOLLIN | EPOLLET, SLOT_WATCHER, 0) < 0) {
      libc.close(fd);
      return undefined;
    }
    return new Watcher(libc, fd);
  }

  /** Watch what a source's descriptor is open on. */
  add(source: FdSource, mask: number): boolean {
    const { fd } = source.descriptor;
    const wd = this.#libc.inotifyAddWatch(
      this.#fd,
      `/proc/self/fd/${fd}`,
      mask,
    );
    if (wd < 0) return false;
    source.watch = wd;
    // Both ends of a pipe, and all descriptors of a file, share one watch.
    const sharing = this.#sources.get(wd);
    if (sharing === undefined) this.#sources.set(wd, [source]);
    else sharing.push(source);
    return true;
  }

  remove(source: FdSource): void {
    const sharing = this.#sources.get(source.watch);
    if (sharing === undefined) return;
    const rest = sharing.filter((other) => other !== source);
    if (rest.length > 0) {
      this.#sources.set(source.watch, rest);
    } else {
      this.#sources.delete(source.watch);
      this.#libc.inotifyRmWatch(this.#fd, source.watch);
    }
    source.watch = -1;
  }

  /** Read all events and tell what each is about. */
  drain(post: (sources: readonly FdSource[], mask: number) => void): void {
    const { i32, u32, address } = this.#buffer;
    for (let round = 0; round < MAX_READS; round++) {
      const bytes = this.#libc.read(this.#fd, address, BUFFER_BYTES);
      if (bytes <= 0) return;
      for (let at = 0; at < bytes; at += 16 + u32[(at >> 2) + 3]) {
        const mask = u32[(at >> 2) + 1];
        if ((mask & IN_Q_OVERFLOW) !== 0) {
          const everything = IN_ACCESS | IN_MODIFY | IN_CLOSE_WRITE;
          for (const all of this.#sources.values()) post(all, everything);
          continue;
        }
        const sources = this.#sources.get(i32[at >> 2]);
        if (sources !== undefined) post(sources, mask);
      }
    }
  }

  close(): void {
    this.#libc.close(this.#fd);
  }
}
