import { type BigIntStats, lstatSync, readdirSync, statSync } from 'node:fs';
import { fromBuffer, toBuffer } from './byte-path.js';
import type { EntryKind } from './entry-kind.js';
import type { BytePath } from './file-path.js';
import { isNotFound } from './watch-points.js';

/** The state of an entry when it was listed. */
export interface Entry {
  readonly kind: EntryKind;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  /**
   * The time of the last write. For a directory, the time of its creation, because
   * its other times and its size change with its entries. 0 if unknown.
   */
  readonly timeNs: bigint;
}

/** The entries of a directory by name. */
export type Listing = ReadonlyMap<BytePath, Entry>;

/** The state of an entry in a directory that may not be searched. */
const UNKNOWN: Entry = {
  kind: 'other',
  dev: 0n,
  ino: 0n,
  size: 0n,
  timeNs: 0n,
};

function kindOf(stats: BigIntStats): EntryKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

function timeOf(stats: BigIntStats, kind: EntryKind, isBorn: boolean): bigint {
  // The next link often gets the inode of a link that was removed.
  if (kind === 'file' || kind === 'symlink') return stats.mtimeNs;
  return kind === 'directory' && isBorn ? stats.birthtimeNs : 0n;
}

export function entryOf(stats: BigIntStats, isBorn = false): Entry {
  const kind = kindOf(stats);
  const { dev, ino } = stats;
  const size = kind === 'file' ? stats.size : 0n;
  return { kind, dev, ino, size, timeNs: timeOf(stats, kind, isBorn) };
}

/**
 * Whether the file system of a directory stores when files were created. If not, the
 * time of creation is 0, or changes with each new entry.
 */
function knowsBirths(directory: BytePath): boolean {
  const options = { bigint: true, throwIfNoEntry: false } as const;
  const stats = statSync(toBuffer(directory), options);
  if (stats === undefined) return false;
  return stats.birthtimeNs !== 0n && stats.birthtimeNs !== stats.ctimeNs;
}

/** Stat an entry. Returns `undefined` if it does not exist any more. */
export function readEntry(path: BytePath, isBorn = false): Entry | undefined {
  try {
    return entryOf(lstatSync(toBuffer(path), { bigint: true }), isBorn);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return UNKNOWN;
    throw error;
  }
}

/**
 * List a directory by name. The listing is empty if there is none.
 *
 * @throws {NodeJS.ErrnoException} If it cannot be read: `EACCES`, `EMFILE`.
 */
export function readListing(path: BytePath): Listing {
  const listing = new Map<BytePath, Entry>();
  let names: readonly Buffer[];
  try {
    names = readdirSync(toBuffer(path), { encoding: 'buffer' });
  } catch (error) {
    if (isNotFound(error)) return listing;
    throw error;
  }
  const isBorn = knowsBirths(path);
  for (const name of names.map(fromBuffer).sort()) {
    const entry = readEntry(`${path}/${name}`, isBorn);
    if (entry !== undefined) listing.set(name, entry);
  }
  return listing;
}

/** Whether both entries are the same file. */
export const isSameEntry = (one: Entry, other: Entry): boolean =>
  one.ino === other.ino && one.dev === other.dev && one.kind === other.kind;

/** Whether the contents are unchanged, as far as size and times show. */
export const isUnchanged = (one: Entry, other: Entry): boolean =>
  isSameEntry(one, other) &&
  one.size === other.size &&
  (one.timeNs === other.timeNs || one.timeNs === 0n || other.timeNs === 0n);
