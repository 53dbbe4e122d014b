import {
  type BigIntStats,
  lstatSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';

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

/** The nearest directory above a path that there is. */
function above(path: string): Spot {
  for (let at = dirname(path); ; at = dirname(at)) {
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

/**
 * Where a path leads now: to what is there, or else to the nearest directory
 * in which it could come to be. Where it is a symbolic link the directory of
 * the link comes first, for it may be made to point elsewhere.
 *
 * @throws {NodeJS.ErrnoException} If that cannot be found out: `EACCES`,
 * `ELOOP`, `ENAMETOOLONG`.
 */
export function spotsOf(path: string): readonly Spot[] {
  const spots: Spot[] = [];
  const end = (spot: Spot): readonly Spot[] => {
    const ways = spots.filter(({ path: way }) => way !== spot.path);
    return [...new Map(ways.map((way) => [way.path, way])).values(), spot];
  };
  let at = path;
  for (let links = 0; links < MAX_LINKS; links++) {
    const stats = look(at, lstatSync);
    if (stats === undefined) return end(above(at));
    if (!stats.isSymbolicLink()) {
      return end({ path: at, stats, isTarget: true });
    }
    spots.push(above(at));
    at = targetOf(at);
  }
  // Nothing but a circle comes here, and this says so.
  statSync(path);
  return end(above(path));
}

/** Where a link points; itself, to be looked at again, if it is none any more. */
function targetOf(link: string): string {
  try {
    return resolve(realpathSync(dirname(link)), readlinkSync(link));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EINVAL' || isAbsence(error)) return link;
    throw error;
  }
}

/** Whether two looks saw the same file. */
export const isSameFile = (one: BigIntStats, other: BigIntStats): boolean =>
  one.ino === other.ino && one.dev === other.dev;
