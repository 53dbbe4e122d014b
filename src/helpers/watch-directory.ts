import { readdirSync, statSync } from 'node:fs';
import { misuse, throwBadInteger } from '../errors.js';
import {
  checkPath,
  isText,
  toAbsolute,
  toBuffer,
  toText,
} from './byte-path.js';
import {
  type Entry,
  isSameEntry,
  isUnchanged,
  type Listing,
  readEntry,
  readListing,
} from './directory-listing.js';
import type { EntryKind } from './entry-kind.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
  type Source,
} from './event-iterator.js';
import type { BytePath, FilePath } from './file-path.js';
import { OpenFiles } from './open-files.js';
import { PathSource } from './watch-file.js';

export type { EntryKind };

/** The value of {@link watchDirectory}: a change of an entry. */
export interface DirectoryEvent {
  /**
   * - `added`, `removed`: an entry appeared or disappeared; a rename is both
   * - `changed`: another file has the name, as after an atomic save; or the size
   *   or modification time of the file changed
   */
  readonly type: 'added' | 'removed' | 'changed';
  /** The name of the entry, without the directory. */
  readonly name: string;
  /** The bytes of the name, if it is not UTF-8; `name` then has U+FFFD in it. */
  readonly nameBytes?: Uint8Array | undefined;
  readonly kind: EntryKind;
}

/** Options of {@link watchDirectory}. */
export interface DirectoryOptions extends IteratorOptions {
  /**
   * Also report writes to the regular files of the directory. Each file takes a
   * descriptor: `true` allows 1,000 files, a number allows that many.
   *
   * @default false
   */
  readonly files?: boolean | number | undefined;
}

const ACTION = 'watch a directory';
const DEFAULT_BUDGET = 1000;
const MAX_BUDGET = 0x7fffffff;

/**
 * Compares the listings of a directory. A PathSource follows the directory and
 * decides when. It reads the path after it is armed, so no change is missed.
 */
class DirectorySource implements Source<DirectoryEvent> {
  readonly #path: BytePath;
  readonly #directory: PathSource;
  readonly #files: OpenFiles | undefined;
  #listing: Listing;
  #isStale = false;
  #isCancelled = false;
  #isClosed = false;
  #events: readonly DirectoryEvent[] = [];
  #delivered = 0;

  constructor(path: BytePath, budget: number) {
    this.#path = toAbsolute(path);
    this.#directory = new PathSource(path);
    if (budget > 0) {
      const onEvent = (): void => this.#directory.cancel();
      this.#files = new OpenFiles(this.#path, budget, onEvent);
    }
    try {
      this.#listing = readListing(this.#path);
      this.#files?.update(this.#listing);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async pull(): Promise<DirectoryEvent | undefined> {
    this.#isCancelled = false;
    for (;;) {
      if (this.#delivered < this.#events.length) {
        return this.#events[this.#delivered++];
      }
      if (this.#isClosed) return undefined;
      this.#compare();
      if (this.#events.length > 0) continue;
      if (this.#isCancelled) return undefined;
      this.#files?.setChecked(true);
      // It is also undefined if a file has events.
      if ((await this.#directory.pull()) !== undefined) this.#isStale = true;
      this.#files?.setChecked(false);
    }
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#directory.cancel();
  }

  close(): void {
    this.#isClosed = true;
    this.#events = [];
    this.#files?.close();
    this.#directory.close();
  }

  #compare(): void {
    this.#delivered = 0;
    const events: DirectoryEvent[] = [];
    const written = this.#files?.takeEvents() ?? new Map<BytePath, boolean>();
    const before = this.#listing;
    let after = before;
    if (this.#isStale) {
      this.#isStale = false;
      after = readListing(this.#path);
    } else if (written.size > 0) {
      after = this.#refresh(written.keys());
    }
    this.#listing = after;
    if (after !== before) {
      this.#files?.update(after);
      for (const [name, old] of before) {
        const entry = after.get(name);
        if (entry?.kind !== old.kind)
          events.push(eventOf('removed', name, old));
      }
      for (const [name, entry] of after) {
        const old = before.get(name);
        if (old?.kind !== entry.kind) {
          events.push(eventOf('added', name, entry));
        } else if (!isUnchanged(old, entry) || written.get(name) === true) {
          events.push(eventOf('changed', name, entry));
        }
      }
    }
    this.#events = events;
  }

  /** The listing, in which files that had events are read again. */
  #refresh(names: Iterable<BytePath>): Listing {
    const listing = new Map(this.#listing);
    for (const name of names) {
      const old = listing.get(name);
      const entry = readEntry(`${this.#path}/${name}`);
      // The directory itself reports entries that were added, removed or replaced.
      if (old !== undefined && entry !== undefined && isSameEntry(old, entry)) {
        listing.set(name, entry);
      }
    }
    return listing;
  }
}

function eventOf(
  type: DirectoryEvent['type'],
  bytes: BytePath,
  { kind }: Entry,
): DirectoryEvent {
  const name = toText(bytes);
  if (isText(bytes)) return { type, name, kind };
  return { type, name, nameBytes: toBuffer(bytes), kind };
}

function budgetOf(files: unknown): number {
  if (files === undefined || files === false) return 0;
  if (files === true) return DEFAULT_BUDGET;
  const expected = `true, false, or a number of descriptors from 1 to ${MAX_BUDGET}`;
  if (typeof files !== 'number') {
    throw new TypeError(misuse(ACTION, 'files', expected, files));
  }
  if (!Number.isInteger(files) || files < 1 || files > MAX_BUDGET) {
    throwBadInteger(ACTION, 'files', expected, files);
  }
  return files;
}

/** @throws {NodeJS.ErrnoException} `ENOTDIR` if the path is not a directory. */
function refuseFile(path: BytePath): void {
  const stats = statSync(toBuffer(path), { throwIfNoEntry: false });
  if (stats === undefined || stats.isDirectory()) return;
  // It fails with the message of node:fs.
  readdirSync(toBuffer(path));
}

/** {@link watchDirectory}, loaded when it is first called. */
export function watchDirectory(
  path: FilePath,
  options: DirectoryOptions = {},
): EventIterator<DirectoryEvent> {
  const bytes = checkPath(path, ACTION);
  const budget = budgetOf((options as DirectoryOptions | null)?.files);
  return eventIterator(ACTION, options, () => {
    refuseFile(bytes);
    return new DirectorySource(bytes, budget);
  });
}
