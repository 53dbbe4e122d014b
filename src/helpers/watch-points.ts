import {
  type BigIntStats,
  lstatSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fromBuffer, toBuffer } from './byte-path.js';
import type { BytePath } from './file-path.js';

/** A file or directory to watch, so that no change of a path is missed. */
export interface WatchPoint {
  readonly path: BytePath;
  readonly stats: BigIntStats;
  /**
   * Whether the path resolves to it; otherwise it is a directory on the path.
   */
  readonly isTarget: boolean;
}

const BYTES = { encoding: 'buffer' } as const;

/** The maximum number of links that Linux follows. */
const MAX_LINKS = 40;

/** Stat a path. Returns `undefined` if it does not exist. */
export function statIfPresent(
  path: BytePath,
  stat: typeof statSync | typeof lstatSync,
): BigIntStats | undefined {
  try {
    return stat(toBuffer(path), { bigint: true });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whether an error means that a path does not exist. */
export const isNotFound = (error: unknown): boolean => {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
};

/** A directory, or the nearest existing directory above it. */
function nearestDirectory(path: BytePath): WatchPoint {
  for (let at = path; ; at = dirname(at)) {
    const stats = statIfPresent(at, statSync);
    // The root always exists.
    if (stats?.isDirectory() || at === dirname(at)) {
      return {
        path: at,
        stats: stats ?? statSync(toBuffer(at), { bigint: true }),
        isTarget: false,
      };
    }
  }
}

/** The directory of the file that a path resolves to. */
export function directoryOf(path: BytePath): WatchPoint | undefined {
  try {
    const real = realpathSync.native(toBuffer(path), BYTES);
    return nearestDirectory(dirname(fromBuffer(real)));
  } catch {
    return undefined;
  }
}

/** Whether a path has no links: the common case, which one call decides. */
function isWithoutLinks(path: BytePath): boolean {
  try {
    return fromBuffer(realpathSync.native(toBuffer(path), BYTES)) === path;
  } catch {
    return false;
  }
}

/**
 * Resolve an absolute path to its current target, or to the nearest existing
 * directory above. Before it, the result has the directory of each symbolic
 * link on the path, because the link may change.
 *
 * @throws {NodeJS.ErrnoException} If the path cannot be resolved: `EACCES`,
 * `ELOOP`, `ENAMETOOLONG`.
 */
export function findWatchPoints(path: BytePath): readonly WatchPoint[] {
  const linkDirectories = new Map<string, WatchPoint>();
  const names = isWithoutLinks(path) ? [] : path.split('/').reverse();
  let at = '/';
  for (let links = 0; names.length > 0 && links <= MAX_LINKS; ) {
    const next = join(at, names.pop() ?? '');
    const stats = statIfPresent(next, lstatSync);
    if (stats?.isSymbolicLink()) {
      links++;
      linkDirectories.set(at, nearestDirectory(at));
      const target = readLink(next);
      if (target.startsWith('/')) at = '/';
      names.push(...target.split('/').reverse());
    } else if (stats === undefined || !stats.isDirectory()) {
      break;
    } else {
      at = next;
    }
  }
  // This fails with ELOOP for a cycle of links.
  const stats = statIfPresent(path, statSync);
  const end =
    stats === undefined
      ? nearestDirectory(at)
      : { path, stats, isTarget: true };
  linkDirectories.delete(end.path);
  return [...linkDirectories.values(), end];
}

/** The target of a link; '' if it is no longer a link. */
function readLink(link: BytePath): BytePath {
  try {
    return fromBuffer(readlinkSync(toBuffer(link), BYTES));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EINVAL' || isNotFound(error)) return '';
    throw error;
  }
}

/**
 * Check a path that ends with a slash, which names a directory.
 *
 * @throws {NodeJS.ErrnoException} `ENOTDIR` if it is a file.
 */
export function checkTrailingSlash(path: BytePath): void {
  if (!/\/\.?$/.test(path)) return;
  try {
    statSync(toBuffer(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') throw error;
  }
}
