import { closeSync, constants, fstatSync } from 'node:fs';
import { KqueueError } from '../errors.js';
import { hostDialect } from '../host/index.js';
import type { Kqueue, KqueueEvent } from '../queue/index.js';
import { toText } from './byte-path.js';
import {
  type Entry,
  entryOf,
  isSameEntry,
  type Listing,
} from './directory-listing.js';
import type { BytePath } from './file-path.js';
import {
  areOfContents,
  type FileId,
  fileChecks,
  fileQueue,
  isOpenOn,
  MAX_CHECKED,
  openForEvents,
  unwatchVnode,
  watchVnode,
} from './file-queue.js';
import type { Member } from './shared-queue.js';
import { isNotFound } from './watch-points.js';

/** A file that is open for its events. */
interface OpenFile {
  readonly fd: number;
  readonly id: FileId;
  readonly member: Member;
  readonly kq: Kqueue<Member>;
  readonly entry: Entry;
}

/** The regular files of one directory, open for their events. */
export class OpenFiles {
  readonly #directory: BytePath;
  readonly #budget: number;
  readonly #onEvent: () => void;
  readonly #files = new Map<BytePath, OpenFile>();
  /** Files that had events, and whether their contents changed. */
  #events = new Map<BytePath, boolean>();

  constructor(directory: BytePath, budget: number, onEvent: () => void) {
    this.#directory = directory;
    this.#budget = budget;
    this.#onEvent = onEvent;
  }

  /**
   * The names of files that had events since the last call, and whether their
   * contents changed.
   */
  takeEvents(): ReadonlyMap<BytePath, boolean> {
    fileQueue.deliverPending();
    const events = this.#events;
    if (events.size > 0) this.#events = new Map();
    return events;
  }

  /**
   * Open new files of a listing, and close those that are no longer in it.
   *
   * @throws {KqueueError} `EMFILE` if there are more files than the budget.
   */
  update(listing: Listing): void {
    for (const [name, file] of this.#files) {
      const entry = listing.get(name);
      if (entry === undefined || !isSameEntry(entry, file.entry)) {
        this.#close(name, file);
      }
    }
    const names = [...listing].filter(([, { kind }]) => kind === 'file');
    if (names.length > this.#budget) throw this.#tooMany(names.length);
    for (const [name, entry] of names) {
      if (!this.#files.has(name)) this.#open(name, entry);
    }
  }

  /** Open files again whose descriptors other code closed. */
  check(): void {
    for (const [name, file] of [...this.#files].slice(0, MAX_CHECKED)) {
      // Those that were checked last come last.
      this.#files.delete(name);
      this.#files.set(name, file);
      if (isOpenOn(file.fd, file.id)) continue;
      this.#close(name, file);
      // Compare the file with its state in the listing.
      this.#events.set(name, false);
      this.#onEvent();
    }
  }

  /** Check the files at intervals, or no longer. */
  setChecked(isChecked: boolean): void {
    if (isChecked) fileChecks.add(this);
    else fileChecks.delete(this);
  }

  close(): void {
    this.setChecked(false);
    for (const [name, file] of this.#files) this.#close(name, file);
  }

  #open(name: BytePath, entry: Entry): void {
    let fd: number;
    try {
      const path = `${this.#directory}/${name}`;
      fd = openForEvents(path, constants.O_NOFOLLOW);
    } catch (error) {
      if (isNotFound(error) || isSkipped(error)) return;
      throw error;
    }
    const member: Member = {
      onEvent: (event) => this.#onFileEvent(name, event),
      // The directory, which is in the same queue, reports the error.
      onError: () => {},
    };
    const kq = fileQueue.join(member);
    try {
      watchVnode(kq, fd, member);
    } catch (error) {
      closeSync(fd);
      fileQueue.leave(member);
      throw error;
    }
    const stats = fstatSync(fd, { bigint: true });
    this.#files.set(name, { fd, id: stats, member, kq, entry });
    // The file was written between the listing and now.
    const now = entryOf(stats);
    if (now.timeNs !== entry.timeNs || now.size !== entry.size) {
      this.#events.set(name, true);
      this.#onEvent();
    }
  }

  #onFileEvent(name: BytePath, event: KqueueEvent): void {
    if (event.filter !== 'vnode') return;
    const isWritten = areOfContents(event.notes);
    this.#events.set(name, this.#events.get(name) === true || isWritten);
    this.#onEvent();
  }

  #close(name: BytePath, { kq, fd, id, member }: OpenFile): void {
    this.#files.delete(name);
    unwatchVnode(kq, fd, id);
    fileQueue.leave(member);
  }

  #tooMany(count: number): KqueueError {
    return new KqueueError(
      `Cannot watch the files of ${toText(this.#directory)} as there are ${count}, and 'files' allows ${this.#budget} descriptors: pass a larger number, or watch without 'files'`,
      'EMFILE',
      -hostDialect().errno.EMFILE,
    );
  }
}

/** It is a link now, or this process may not open it. */
const isSkipped = (error: unknown): boolean =>
  ['ELOOP', 'EMLINK', 'EACCES', 'EPERM', 'ENXIO'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
