import {
  type BigIntStats,
  lstatSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** What has to be watched so that nothing that happens to a path is missed. */
export interface Spot {
  readonly path: string;
  readonly stats: BigIntStats;
  /** Whether it is what the path leads to, and not a directory on the way. */
  readonly isTarget: boolean;
}

/** As many links as Linux follows; who has more has a circle. */
const MAX_LINKS = 40;

/** Look at what is at a path: `undefined` if there is nothing. */
function look(
  path: string,
  stat: typeof statSync | typeof lstatSync,
): BigIntStats | undefined {
  try {
    return stat(path, { bigint: true });
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Whether an error says that there is nothing at a path. */
export const isAbsence = (error: unknown): boolean => {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
};

/** A directory, or the nearest above it that there is. */
function nearest(path: string): Spot {
  for (let at = path; ; at = dirname(at)) {
    const stats = look(at, statSync);
    // The root always is.
    if (stats?.isDirectory() || at === dirname(at)) {
      return {
        path: at,
        stats: stats ?? statSync(at, { bigint: true }),
        isTarget: false,
      };
    }
  }
}

/** Whether there is something that no link leads to: nearly always, in a call. */
function isStraight(path: string): boolean {
  try {
    return realpathSync.native(path) === path;
  } catch {
    return false;
  }
}

/**
 * Where an absolute path leads now: to what is there, or else to the nearest
 * directory in which it could come to be. Before it the directory of each
 * symbolic link on the way, for that may be made to point elsewhere.
 *
 * @throws {NodeJS.ErrnoException} If that cannot be found out: `EACCES`,
 * `ELOOP`, `ENAMETOOLONG`.
 */
export function spotsOf(path: string): readonly Spot[] {
  const ways = new Map<string, Spot>();
  const names = isStraight(path) ? [] : path.split('/').reverse();
  let at = '/';
  for (let links = 0; names.length > 0 && links <= MAX_LINKS; ) {
    const next = join(at, names.pop() ?? '');
    const stats = look(next, lstatSync);
    if (stats?.isSymbolicLink()) {
      links++;
      ways.set(at, nearest(at));
      const target = targetOf(next);
      if (target.startsWith('/')) at = '/';
      names.push(...target.split('/').reverse());
    } else if (stats === undefined || !stats.isDirectory()) {
      break;
    } else {
      at = next;
    }
  }
  // Of a circle this says that it is one.
  const stats = look(path, statSync);
  const end =
    stats === undefined ? nearest(at) : { path, stats, isTarget: true };
  ways.delete(end.path);
  return [...ways.values(), end];
}

/** Where a link points; nowhere if it is none any more. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EINVAL' || isAbsence(error)) return '';
    throw error;
  }
}

/** Whether two looks saw the same file. */
export const isSameFile = (one: BigIntStats, other: BigIntStats): boolean =>
  one.ino === other.ino && one.dev === other.dev;
