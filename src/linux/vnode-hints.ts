import { readlinkSync, statSync } from 'node:fs';
import { D } from './constants.js';
import {
  IN_ATTRIB,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_Q_OVERFLOW,
  type InotifyEvent,
} from './inotify.js';
import { toBigInt } from './int64.js';
import { isSameInode, type Probe, type Stat } from './probe.js';

/**
 * The last known state of an inode, which gives inotify events their meaning.
 */
export interface Snapshot {
  stat: Stat;
  /** Its path, which need not be UTF-8. An overflow may hide a rename. */
  path: Buffer | undefined;
  /** The inotify edge at which it last became shorter. */
  truncatedAt: number;
}

/** The inotify events that EVFILT_VNODE needs. */
export const VNODE_EVENTS =
  IN_MODIFY |
  IN_ATTRIB |
  IN_MOVE_SELF |
  IN_CREATE |
  IN_DELETE |
  IN_MOVED_FROM |
  IN_MOVED_TO;

const S_IFMT = 0xf000;
const S_IFDIR = 0x4000;
const S_IFREG = 0x8000;

const isKind = ({ mode }: Stat, kind: number): boolean =>
  (mode & S_IFMT) === kind;

const ENTRIES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

/** The suffix that the kernel adds to the path of an unlinked file. */
const DELETED = Buffer.from(' (deleted)');

/** The path of an open file as text, if it has one. */
export const pathOf = (fd: number): string | undefined =>
  bytePathOf(fd)?.toString();

/** The path of an open file, if it has one. */
function bytePathOf(fd: number): Buffer | undefined {
  try {
    const link = `/proc/self/fd/${fd}`;
    const path = readlinkSync(link, 'buffer');
    if (!path.subarray(-DELETED.length).equals(DELETED)) return path;
    // A name may itself end in this suffix: then the file exists.
    const there = statSync(path, { bigint: true, throwIfNoEntry: false });
    const { dev, ino } = statSync(link, { bigint: true });
    return there?.ino === ino && there.dev === dev ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Take the first snapshot of an open file. */
export function takeSnapshot(probe: Probe, fd: number): Snapshot | null {
  const stat = probe.stat(fd);
  return stat === undefined
    ? null
    : { stat, path: bytePathOf(fd), truncatedAt: -1 };
}

/**
 * Translate an event into Darwin's NOTE_ bits. Returns one number for each post
 * that Darwin would make, in order; each is matched against a mask as a whole.
 */
export function hintsOf(
  { mask, ofEntry, stays, edge }: InotifyEvent,
  snapshot: Snapshot,
  probe: Probe,
  fd: number,
): readonly number[] {
  const overflow = (mask & IN_Q_OVERFLOW) !== 0;
  const entry = (mask & ENTRIES) !== 0;
  // The parent gets events of its entries as well.
  if (ofEntry && !entry) return [];
  if (mask === IN_CLOSE_WRITE) {
    // Truncated, and closed by its writer: it was emptied and written again.
    return snapshot.truncatedAt === edge ? [D.NOTE_EXTEND, D.NOTE_WRITE] : [];
  }
  const before = snapshot.stat;
  const now = probe.stat(fd) ?? before;
  if (entry) {
    // No other event reports its removal: see wasRemoved.
    if (now.links > 0) snapshot.stat = { ...before, links: now.links };
    return [entryHint(mask, stays && now.links >= before.links)];
  }
  const hints: number[] = [];
  let isMoved = (mask & IN_MOVE_SELF) !== 0;
  if (overflow) {
    // The kind of change is lost: compare, and report at least a write.
    hints.push(D.NOTE_WRITE);
    if (now.size > before.size) hints.push(D.NOTE_EXTEND);
    const path = bytePathOf(fd);
    isMoved = path !== undefined && snapshot.path?.equals(path) !== true;
  }
  const isModified = (mask & IN_MODIFY) !== 0;
  if (isModified) {
    hints.push(...modifyHints(before, now));
    if (now.size > 0 && now.size < before.size) snapshot.truncatedAt = edge;
  }
  const isAttrib = overflow || (mask & IN_ATTRIB) !== 0;
  // Only what this event reports; other changes have their own events.
  const { size } = overflow || isModified ? now : before;
  snapshot.stat = { ...(isAttrib ? now : before), size };
  if (isAttrib) hints.push(...attribHints(before, snapshot.stat, fd));
  if (isMoved) {
    snapshot.path = bytePathOf(fd);
    hints.push(D.NOTE_RENAME);
  }
  return hints;
}

/** Adding or removing a directory changes its parent's link count. */
function entryHint(mask: number, stays: boolean): number {
  const links = (mask & IN_ISDIR) !== 0 && !stays;
  return links ? D.NOTE_WRITE | D.NOTE_LINK : D.NOTE_WRITE;
}

/** The contents changed. The size distinguishes a write from a truncation. */
function modifyHints(before: Stat, now: Stat): readonly number[] {
  if (!isKind(now, S_IFREG)) return [D.NOTE_WRITE];
  if (now.size > before.size) return [D.NOTE_EXTEND, D.NOTE_WRITE];
  // A write never leaves an empty file.
  const isCut = now.size < before.size || now.size === 0;
  return [isCut ? D.NOTE_ATTRIB : D.NOTE_WRITE];
}

/**
 * The inode changed. The link count distinguishes links from other attributes.
 */
function attribHints(before: Stat, now: Stat, fd: number): readonly number[] {
  // The links of a directory are its subdirectories, until it is removed.
  const counts = now.links === 0 || !isKind(now, S_IFDIR);
  const links = counts ? now.links - before.links : 0;
  if (links === 0) return [D.NOTE_ATTRIB];
  const hints: number[] = [];
  if (links > 0) hints.push(D.NOTE_LINK);
  else if (isReplaced(fd, now)) hints.push(D.NOTE_DELETE);
  else hints.push(D.NOTE_DELETE | D.NOTE_LINK);
  // Reported together with the change of the links.
  const { mode, uid, gid } = before;
  const differs = now.mode !== mode || now.uid !== uid || now.gid !== gid;
  if (differs) hints.push(D.NOTE_ATTRIB);
  return hints;
}

/** Whether another file is now at the path of an open file. */
function isReplaced(fd: number, { inode, inodeHigh }: Stat): boolean {
  try {
    const path = readlinkSync(`/proc/self/fd/${fd}`, 'buffer');
    const isDeleted = path.subarray(-DELETED.length).equals(DELETED);
    if (!isDeleted) return false;
    const name = path.subarray(0, -DELETED.length);
    const there = statSync(name, { bigint: true, throwIfNoEntry: false });
    return there !== undefined && there.ino !== toBigInt(inode, inodeHigh);
  } catch {
    return false;
  }
}

/**
 * Whether a directory was removed since. It has no event of its own for that.
 */
export function wasRemoved(
  snapshot: Snapshot,
  probe: Probe,
  fd: number,
): boolean {
  if (snapshot.stat.links === 0) return false;
  const stat = probe.stat(fd);
  if (stat === undefined || stat.links !== 0) return false;
  // The number may now be another file.
  if (!isSameInode(stat, snapshot.stat)) return false;
  snapshot.stat = { ...snapshot.stat, links: 0 };
  return true;
}
