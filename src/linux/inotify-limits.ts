import { readFileSync } from 'node:fs';
import { DE } from './constants.js';
import { pathOf } from './vnode-hints.js';

/** The value of a limit, for a message; empty if it cannot be read. */
function currently(limit: string): string {
  try {
    const path = `/proc/sys/fs/inotify/${limit}`;
    return ` (now ${readFileSync(path, 'latin1').trim()})`;
  } catch {
    return '';
  }
}

/** Why inotify cannot watch a descriptor, by its Darwin errno. */
export function inotifyReason(errno: number, fd: number): string | undefined {
  const file = pathOf(fd) ?? `descriptor ${fd}`;
  switch (errno) {
    case DE.ENOSPC:
      return `inotify has no watch left for ${file}; raise fs.inotify.max_user_watches${currently('max_user_watches')}`;
    case DE.EMFILE:
      return `there is no inotify instance for ${file}; raise fs.inotify.max_user_instances${currently('max_user_instances')}, or the process's limit of descriptors`;
    case DE.ENFILE:
    case DE.ENOMEM:
      return `inotify has no memory to watch ${file}; see fs.inotify.max_user_watches and max_user_instances`;
    default:
      return undefined;
  }
}
