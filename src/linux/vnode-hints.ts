import { readlinkSync, statSync } from 'node:fs';
import { D } from './constants.js';
import type { Probe, Stat } from './probe.js';
import {
  type Happening,
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_Q_OVERFLOW,
  IN_UNMOUNT,
} from './watcher.js';

/** What was seen of an inode last, to tell what an inotify event means. */
export interface Snapshot {
  stat: Stat;
  /** Where it was, to tell a replacement from a removal. */
  path: string | undefined;
}

/** All that a watch for EVFILT_VNODE asks inotify for. */
export const VNODE_EVENTS =
  IN_MODIFY |
  IN_ATTRIB |
  IN_MOVE_SELF |
  IN_CREATE |
  IN_DELETE |
  IN_MOVED_FROM |
  IN_MOVED_TO;

const ENTRIES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

/** The path of an open file, while it has one. */
export function pathOf(fd: number): string | undefined {
  try {
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    return path.endsWith(' (deleted)') ? undefined : path;
  } catch {
    return undefined;
  }
}

/** Begin to follow an open file. */
export function takeSnapshot(probe: Probe, fd: number): Snapshot | null {
  const stat = probe.stat(fd);
  return stat === undefined ? null : { stat, path: pathOf(fd) };
}

/**
 * Say in Darwin's NOTE_ bits what happened: one number for each thing that
 * Darwin would tell apart, which are matched against a mask each as a whole.
 */
export function hintsOf(
  { mask, ofEntry, stays }: Happening,
  snapshot: Snapshot,
  probe: Probe,
  fd: number,
): readonly number[] {
  if ((mask & IN_UNMOUNT) !== 0) return [D.NOTE_REVOKE];
  const hints: number[] = [];
  if ((mask & IN_Q_OVERFLOW) !== 0) {
    // What it was is lost: compare, and say at least that something changed.
    hints.push(D.NOTE_WRITE);
    if (afterModify(snapshot, probe, fd).includes(D.NOTE_EXTEND)) {
      hints.push(D.NOTE_EXTEND);
    }
    hints.push(...afterAttrib(snapshot, probe, fd));
    return hints;
  }
  if ((mask & ENTRIES) !== 0) return [entryHint(mask, stays)];
  // The parent hears of its entries' changes as well.
  if (ofEntry) return [];
  if ((mask & IN_MODIFY) !== 0) {
    hints.push(...afterModify(snapshot, probe, fd));
  }
  if ((mask & IN_ATTRIB) !== 0) {
    hints.push(...afterAttrib(snapshot, probe, fd));
  }
  if ((mask & IN_MOVE_SELF) !== 0) {
    snapshot.path = pathOf(fd);
    hints.push(D.NOTE_RENAME);
  }
  return hints;
}

/** A directory that comes or goes changes its parent's link count. */
function entryHint(mask: number, stays: boolean): number {
  const moved = (mask & (IN_MOVED_FROM | IN_MOVED_TO)) !== 0;
  const links = (mask & IN_ISDIR) !== 0 && !(moved && stays);
  return links ? D.NOTE_WRITE | D.NOTE_LINK : D.NOTE_WRITE;
}

/** Contents changed: written to, or cut to a length, which sizes tell. */
function afterModify(
  snapshot: Snapshot,
  probe: Probe,
  fd: number,
): readonly number[] {
  const before = snapshot.stat;
  const stat = probe.stat(fd);
  if (stat === undefined) return [D.NOTE_WRITE];
  snapshot.stat = { ...before, size: stat.size };
  if (stat.size > before.size) return [D.NOTE_WRITE, D.NOTE_EXTEND];
  // Nothing that was written leaves an empty file.
  const truncated = stat.size < before.size || stat.size === 0;
  return [truncated ? D.NOTE_ATTRIB : D.NOTE_WRITE];
}

/** The inode changed: its links, which their number tells, or the rest. */
function afterAttrib(
  snapshot: Snapshot,
  probe: Probe,
  fd: number,
): readonly number[] {
  const before = snapshot.stat;
  const stat = probe.stat(fd);
  if (stat === undefined) return [D.NOTE_ATTRIB];
  snapshot.stat = { ...before, links: stat.links };
  if (stat.links > before.links) return [D.NOTE_LINK];
  if (stat.links === before.links) return [D.NOTE_ATTRIB];
  return isReplaced(snapshot) ? [D.NOTE_DELETE] : [D.NOTE_DELETE | D.NOTE_LINK];
}

/** Whether another file is now where this one was. */
function isReplaced({ path, stat }: Snapshot): boolean {
  if (path === undefined) return false;
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    return there !== undefined && there.ino !== stat.inode;
  } catch {
    return false;
  }
}

/** Whether a directory was removed since: nothing tells of that itself. */
export function wasRemoved(
  snapshot: Snapshot,
  probe: Probe,
  fd: number,
): boolean {
  if (snapshot.stat.links === 0) return false;
  const stat = probe.stat(fd);
  if (stat === undefined || stat.links !== 0) return false;
  snapshot.stat = { ...snapshot.stat, links: 0 };
  return true;
}
