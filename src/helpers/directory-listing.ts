import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { fromBuffer, toBuffer } from './byte-path.js';
import type { EntryKind } from './entry-kind.js';
import type { BytePath } from './file-path.js';
import { isNotFound } from './watch-points.js';

/** An entry as it was when it was listed. */
export interface Entry {
  readonly kind: EntryKind;
  readonly dev: bigint;
  readonly ino: bigint;
  /** For files only: a directory's changes with each of its entries. */
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** The entries of a directory by name. */
export type Listing = ReadonlyMap<BytePath, Entry>;

/** The facts of an entry in a directory that may not be searched. */
const UNKNOWN: Entry = {
  kind: 'other',
  dev: 0n,
  ino: 0n,
  size: 0n,
  mtimeNs: 0n,
};

function kindOf(stats: BigIntStats): EntryKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

export function entryOf(stats: BigIntStats): Entry {
  const kind = kindOf(stats);
  const { dev, ino } = stats;
  const isFile = kind === 'file';
  return {
    kind,
    dev,
    ino,
    size: isFile ? stats.size : 0n,
    mtimeNs: isFile ? stats.mtimeNs : 0n,
  };
}

/** Stat an entry: `undefined` if it is gone. */
export function readEntry(path: BytePath): Entry | undefined {
  try {
    return entryOf(lstatSync(toBuffer(path), { bigint: true }));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return UNKNOWN;
    throw error;
  }
}

/**
 * List a directory by name; nothing if there is none.
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
  for (const name of names.map(fromBuffer).sort()) {
    const entry = readEntry(`${path}/${name}`);
    if (entry !== undefined) listing.set(name, entry);
  }
  return listing;
}

/** Whether both are of one file. */
export const isSameEntry = (one: Entry, other: Entry): boolean =>
  one.ino === other.ino && one.dev === other.dev && one.kind === other.kind;

/** Whether nothing tells that the contents changed. */
export const isUnchanged = (one: Entry, other: Entry): boolean =>
  isSameEntry(one, other) &&
  one.size === other.size &&
  one.mtimeNs === other.mtimeNs;
