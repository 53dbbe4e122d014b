import { closeSync, openSync, readSync } from 'node:fs';
import { D, EPOLLET, EPOLLPRI } from '../constants.js';
import { darwinErrno } from '../errno.js';
import type { Knote } from '../knote.js';
import type { OwnMember } from '../own-members.js';
import type { Queue } from '../queue.js';
import { Ticks } from '../ticks.js';
import { type Filter, storeRequest } from './filter.js';

/** Darwin's VQ_ bits of sys/mount.h that Linux can report. */
const VQ_MOUNT = 0x0008;
const VQ_UNMOUNT = 0x0010;
const VQ_UPDATE = 0x0100;

/**
 * Nanoseconds between reads of the table. Each poll(2) of the table consumes
 * the event; so does an epoll above when the table is added to it.
 */
const TICK = 250e6;

const TABLE = '/proc/self/mountinfo';

/** Parse the mounts: by id, the line that describes each. */
function readMounts(fd: number): ReadonlyMap<string, string> {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const chunk = Buffer.alloc(16384);
    const bytes = readSync(fd, chunk, 0, chunk.length, at);
    if (bytes === 0) break;
    chunks.push(chunk.subarray(0, bytes));
    at += bytes;
  }
  const mounts = new Map<string, string>();
  for (const line of Buffer.concat(chunks).toString('latin1').split('\n')) {
    const id = line.slice(0, line.indexOf(' '));
    if (id !== '') mounts.set(id, line);
  }
  return mounts;
}

/**
 * Whether two lines with one id describe the same mount. The kernel gives the
 * id of a mount that has ended to the next one.
 */
const isSameMount = (a: string, b: string): boolean =>
  mountOf(a) === mountOf(b);

/** The device, the root in it, the mount point, the type and the source. */
function mountOf(line: string): string {
  const [fields, rest = ''] = line.split(' - ');
  const [, , device, root, point] = fields.split(' ');
  const [type, source] = rest.split(' ');
  return [device, root, point, type, source].join(' ');
}

function compare(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): number {
  let hint = 0;
  for (const [id, line] of after) {
    const known = before.get(id);
    if (known === line) continue;
    if (known === undefined) hint |= VQ_MOUNT;
    else if (isSameMount(known, line)) hint |= VQ_UPDATE;
    else hint |= VQ_MOUNT | VQ_UNMOUNT;
  }
  for (const id of before.keys()) if (!after.has(id)) hint |= VQ_UNMOUNT;
  return hint;
}

/** The mount table, watched for one queue while it has knotes. */
class MountWatch implements OwnMember {
  slot = -1;
  generation = 0;
  readonly knotes = new Set<Knote>();
  readonly #queue: Queue;
  readonly #ticks: Ticks;
  #fd = -1;
  #mounts: ReadonlyMap<string, string> | undefined;

  constructor(queue: Queue) {
    this.#queue = queue;
    this.#ticks = new Ticks(queue, TICK);
  }

  /** Returns a Darwin errno. */
  open(): number {
    const errno = this.#openTable();
    const failed = errno === 0 ? this.#ticks.start() : errno;
    if (failed !== 0) this.close();
    return failed;
  }

  /** Returns a Darwin errno. */
  #openTable(): number {
    let fd = -1;
    try {
      fd = openSync(TABLE, 'r');
      this.#mounts ??= readMounts(fd);
    } catch (error) {
      if (fd >= 0) closeSync(fd);
      const { errno = 0 } = error as NodeJS.ErrnoException;
      return darwinErrno(-errno);
    }
    const errno = this.#queue.addMember(this, fd, EPOLLPRI | EPOLLET);
    if (errno === 0) this.#fd = fd;
    else closeSync(fd);
    return errno;
  }

  reopen(): boolean {
    this.#closeTable();
    // The next call of kevent reads it.
    return this.#openTable() === 0;
  }

  close(): void {
    this.#ticks.stop();
    this.#closeTable();
  }

  /** Close the table, unless its descriptor is another file now. */
  #closeTable(): void {
    const { libc } = this.#queue.kernel;
    if (this.#queue.removeMember(this, this.#fd)) libc.close(this.#fd);
    this.#fd = -1;
  }

  edge(): void {
    // Another file at its number has no mounts.
    if (!this.#queue.kernel.identity.isMember(this.#queue, this.#fd)) return;
    let mounts: ReadonlyMap<string, string>;
    try {
      mounts = readMounts(this.#fd);
    } catch {
      // The next call of kevent reads the table.
      return;
    }
    const hint = compare(this.#mounts ?? mounts, mounts);
    this.#mounts = mounts;
    for (const knote of [...this.knotes].reverse()) {
      const wanted =
        knote.requestedFflags === 0 ? hint : knote.requestedFflags & hint;
      if (wanted === 0) continue;
      knote.fflags |= wanted;
      knote.queue.knotes.activate(knote);
    }
  }
}

/** EVFILT_FS: rule N1. Only mounts and unmounts are reported. */
export class MountFilter implements Filter {
  readonly #watches = new WeakMap<Queue, MountWatch>();

  attach(knote: Knote): number {
    const watch = this.#watches.get(knote.queue) ?? this.#open(knote.queue);
    if (typeof watch === 'number') return watch;
    knote.flags |= D.EV_CLEAR;
    watch.knotes.add(knote);
    return 0;
  }

  touch(knote: Knote, fflags: number, low: number, high: number): number {
    storeRequest(knote, fflags, low, high);
    return 0;
  }

  evaluate(knote: Knote): boolean {
    return knote.fflags !== 0;
  }

  delivered(knote: Knote): void {
    knote.fflags = 0;
  }

  detach(knote: Knote): void {
    const { queue } = knote;
    const watch = this.#watches.get(queue);
    if (watch === undefined) return;
    watch.knotes.delete(knote);
    if (watch.knotes.size > 0) return;
    watch.close();
    this.#watches.delete(queue);
    queue.unreported.member = null;
  }

  /** Watch the table for a queue. Returns a Darwin errno if that fails. */
  #open(queue: Queue): MountWatch | number {
    const watch = new MountWatch(queue);
    const errno = watch.open();
    if (errno !== 0) return errno;
    this.#watches.set(queue, watch);
    // Polling the table consumes the event, so every poll of the queue has to
    // process it.
    queue.unreported.member = watch;
    return watch;
  }
}
