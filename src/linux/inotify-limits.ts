import { readFileSync } from 'node:fs';
import { DE } from './constants.js';
import { pathOf } from './vnode-hints.js';

type Limited = 'instances' | 'watches';

/** The value of a file of /proc/sys; infinite if it cannot be read. */
function readLimit(file: string): number {
  try {
    return Number(readFileSync(`/proc/sys/${file}`, 'latin1'));
  } catch {
    return Infinity;
  }
}

/** The limit that applies, and its value if that is known. */
function limitOf(what: Limited): string {
  const ofSystem = readLimit(`fs/inotify/max_user_${what}`);
  // A container may have a limit of its own, that of its user namespace.
  const own = readLimit(`user/max_inotify_${what}`);
  const name =
    own < ofSystem ? `user.max_inotify_${what}` : `fs.inotify.max_user_${what}`;
  const value = Math.min(own, ofSystem);
  return value === Infinity ? name : `${name} (now ${value})`;
}

/** Why inotify cannot watch a descriptor, by its Darwin errno. */
export function inotifyReason(errno: number, fd: number): string | undefined {
  const file = pathOf(fd) ?? `descriptor ${fd}`;
  switch (errno) {
    case DE.ENOSPC:
      return `inotify has no watch left for ${file}; raise ${limitOf('watches')}`;
    case DE.EMFILE:
      return `there is no inotify instance for ${file}; raise ${limitOf('instances')}, or the process's limit of descriptors`;
    case DE.ENFILE:
    case DE.ENOMEM:
      return `inotify has no memory to watch ${file}; see fs.inotify.max_user_watches and max_user_instances`;
    default:
      return undefined;
  }
}
