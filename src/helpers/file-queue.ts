import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
} from 'node:fs';
import { KqueueError } from '../errors.js';
import { hostDialect } from '../host/index.js';
import type { Checked, Kqueue, VnodeNote } from '../queue/index.js';
import { descriptorChecks } from '../queue/parts.js';
import { toBuffer } from './byte-path.js';
import type { BytePath } from './file-path.js';
import { type Member, SharedQueue } from './shared-queue.js';

/**
 * Opens a file for its events only, so that its volume can be unmounted:
 * Darwin's bsd/sys/fcntl.h. It needs read permission, as any other open does.
 * Node.js has no name for it.
 */
const O_EVTONLY = 0x8000;

/** Do not block on a FIFO, and do not acquire a controlling terminal. */
const OPEN_FLAGS =
  (process.platform === 'darwin' ? O_EVTONLY : constants.O_RDONLY) |
  constants.O_NONBLOCK |
  constants.O_NOCTTY;

const NOTES: readonly VnodeNote[] = [
  'write',
  'extend',
  'attrib',
  'link',
  'rename',
  'delete',
];

/** The notes that mean that the contents changed. */
const WRITE_NOTES: readonly VnodeNote[] = ['write', 'extend', 'truncate'];

/** OpenBSD also has `truncate`; libkqueue lacks `revoke`. */
const supportedNotes = (): readonly VnodeNote[] => {
  const all = [...NOTES];
  const { NOTE_REVOKE, NOTE_TRUNCATE } = hostDialect().constants;
  if (NOTE_REVOKE !== undefined) all.push('revoke');
  if (NOTE_TRUNCATE !== undefined) all.push('truncate');
  return all;
};

/** The queue of all watched files. On Linux it needs one inotify instance. */
export const fileQueue: SharedQueue = /* @__PURE__ */ new SharedQueue();

/** Whether notes mean that the contents changed. */
export const areOfContents = (notes: readonly VnodeNote[]): boolean =>
  notes.some((note) => WRITE_NOTES.includes(note));

/** Open a file for its events. */
export const openForEvents = (path: BytePath, flags = 0): number =>
  openSync(toBuffer(path), OPEN_FLAGS | flags);

/**
 * Report the events of an open file to a member, which has joined the queue.
 */
export function watchVnode(
  kq: Kqueue<Member>,
  fd: number,
  member: Member,
): void {
  kq.add({
    filter: 'vnode',
    fd,
    notes: supportedNotes(),
    udata: member,
  });
}

/** How many descriptors one check checks, so that idle waits cost little. */
export const MAX_CHECKED = 64;

/** A wait for files whose descriptors other code may close. */
interface FileWait {
  check(): void;
}

/** Checks the waits in turn. Those that were checked last come last. */
class FileChecks implements Checked {
  readonly #waits = new Set<FileWait>();
  place = -1;

  add(wait: FileWait): void {
    this.#waits.add(wait);
    descriptorChecks.add(this);
  }

  delete(wait: FileWait): void {
    this.#waits.delete(wait);
    if (this.#waits.size === 0) descriptorChecks.delete(this);
  }

  check(): void {
    for (const wait of [...this.#waits].slice(0, MAX_CHECKED)) {
      this.#waits.delete(wait);
      this.#waits.add(wait);
      wait.check();
    }
  }
}

/** The waits of all watched files. */
export const fileChecks = /* @__PURE__ */ new FileChecks();

/** The identity of a file. */
export type FileId = Pick<BigIntStats, 'dev' | 'ino'>;

/** Whether both are the same file. */
export const isSameFile = (one: FileId, other: FileId): boolean =>
  one.ino === other.ino && one.dev === other.dev;

/** Whether a descriptor is still open on a file: other code may close it. */
export function isOpenOn(fd: number, file: FileId): boolean {
  try {
    return isSameFile(fstatSync(fd, { bigint: true }), file);
  } catch {
    return false;
  }
}

/** Stop watching, and close the descriptor if it is still open on its file. */
export function unwatchVnode(
  kq: Kqueue<Member>,
  fd: number,
  file: FileId,
): void {
  try {
    kq.delete({ filter: 'vnode', fd });
  } catch (error) {
    // The file was revoked, the descriptor or the queue is closed: there is no
    // registration.
    if (!(error instanceof KqueueError)) throw error;
    if (!isOpenOn(fd, file)) return;
  }
  closeSync(fd);
}
