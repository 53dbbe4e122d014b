import { readFileSync } from 'node:fs';
import { type Libc, type NativeBlock, nativeBlock } from '../../ffi/index.js';
import { procStat } from '../../host/index.js';
import { D, DE, EPOLLET, EPOLLIN } from '../constants.js';
import {
  darwinErrno,
  LINUX_EINVAL,
  LINUX_ENOENT,
  LINUX_EPERM,
  LINUX_ESRCH,
} from '../errno.js';
import { type Knote, setData } from '../knote.js';
import type { OwnMember } from '../own-members.js';
import { type Inode, isSameInode, type Probe } from '../probe.js';
import { type Filter, storeRequest } from './filter.js';

const P_PIDFD = 3;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const CLD_EXITED = 1;
const CLD_DUMPED = 3;
/** PIDFD_GET_INFO with a struct pidfd_info of 64 bytes: Linux 6.13. */
const PIDFD_GET_INFO = 0xc040ff0b;
/** The exit status of a process that was reaped: Linux 6.15. */
const PIDFD_INFO_EXIT = 8;

/** The notes that request an exit event. */
const ENDINGS = D.NOTE_EXIT | D.NOTE_EXITSTATUS | D.NOTE_EXIT_DETAIL;
/**
 * Both together are refused for a process that may not be signalled: rule M2.
 */
const GUARDED = D.NOTE_EXIT | D.NOTE_EXITSTATUS;
/** Linux reports these only to privileged processes. */
const PRIVILEGED = D.NOTE_FORK | D.NOTE_EXEC | D.NOTE_SIGNAL | D.NOTE_REAP;
const TRACKING = D.NOTE_TRACK | D.NOTE_TRACKERR | D.NOTE_CHILD;

/** Whether Linux reports nothing of what is requested. */
const isNever = (requested: number): boolean =>
  (requested & PRIVILEGED) !== 0 && (requested & ENDINGS) === 0;

/** A process whose exit is watched. */
class ProcWatch implements OwnMember {
  slot = -1;
  generation = 0;
  readonly knote: Knote;
  pidfd: number;
  readonly #filter: ProcFilter;
  /** Since Linux 6.9 each process has an inode of its own. */
  readonly #file: Inode | undefined;
  #over = false;

  constructor(
    knote: Knote,
    pidfd: number,
    file: Inode | undefined,
    filter: ProcFilter,
  ) {
    this.knote = knote;
    this.pidfd = pidfd;
    this.#file = file;
    this.#filter = filter;
  }

  reopen(): boolean {
    this.close();
    if (this.#over) return true;
    const { kernel } = this.knote.queue;
    const pidfd = kernel.libc.pidfdOpen(this.knote.identLow, 0);
    if (pidfd < 0) {
      const isGone = kernel.libc.errno() === LINUX_ESRCH;
      if (isGone) this.edge();
      return isGone;
    }
    this.pidfd = pidfd;
    const isSame = isSameFile(this.#file, kernel.probe.stat(pidfd));
    if (isSame && watch(this) === 0) return true;
    kernel.libc.close(pidfd);
    this.pidfd = -1;
    // Another process has its number.
    if (!isSame) this.edge();
    return !isSame;
  }

  /** Close the pidfd, unless its descriptor is another file now. */
  close(): void {
    const { queue } = this.knote;
    if (queue.removeMember(this, this.pidfd)) {
      queue.kernel.libc.close(this.pidfd);
    }
    this.pidfd = -1;
  }

  /**
   * The process ended. Store its status now, because it may be reaped at any
   * time.
   */
  edge(): void {
    const { knote } = this;
    const requested = knote.requestedFflags & ENDINGS;
    if (this.#over) return;
    this.#over = true;
    if (requested === 0) return;
    knote.flags |= D.EV_EOF | D.EV_ONESHOT;
    // Linux gives no detail of the exit, so data has none: rule M7.
    knote.fflags |= requested & (D.NOTE_EXIT | D.NOTE_EXIT_DETAIL);
    if ((requested & D.NOTE_EXITSTATUS) !== 0) {
      const status = this.#filter.statusOf(this);
      setData(knote, status ?? 0);
      if (status !== undefined) knote.fflags |= D.NOTE_EXITSTATUS;
    }
    knote.queue.knotes.activate(knote);
  }
}

/** Begin to watch a process. Returns a Darwin errno. */
const watch = (member: ProcWatch): number =>
  member.knote.queue.addMember(member, member.pidfd, EPOLLIN | EPOLLET);

/** Whether both are the same, as far as they are known. */
const isSameFile = (a: Inode | undefined, b: Inode | undefined): boolean =>
  a === undefined || b === undefined || isSameInode(a, b);

/** Whether the process of a pidfd was reaped: another may have its pid. */
function isReaped(pidfd: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${pidfd}`, 'latin1');
    return !/^Pid:\s*[1-9]/m.test(info);
  } catch {
    return true;
  }
}

/** EVFILT_PROC over pidfds: rules M. */
export class ProcFilter implements Filter {
  readonly #libc: Libc;
  readonly #probe: Probe;
  readonly #info: NativeBlock = nativeBlock(128);
  readonly #watches = new WeakMap<Knote, ProcWatch>();

  constructor(libc: Libc, probe: Probe) {
    this.#libc = libc;
    this.#probe = probe;
  }

  attach(knote: Knote): number {
    const requested = knote.requestedFflags;
    if ((requested & TRACKING) !== 0 || isNever(requested)) return DE.ENOTSUP;
    const pid = knote.identLow;
    knote.flags |= D.EV_CLEAR;
    // On Darwin process 0 is the kernel, which never ends.
    if (pid === 0) return 0;
    const pidfd = this.#libc.pidfdOpen(pid, 0);
    if (pidfd < 0) return this.#refusal(this.#libc.errno());
    const errno = this.#check(pid, pidfd, requested);
    if (errno !== 0) {
      this.#libc.close(pidfd);
      return errno;
    }
    const file = this.#probe.stat(pidfd);
    const member = new ProcWatch(knote, pidfd, file, this);
    const failed = watch(member);
    if (failed !== 0) {
      this.#libc.close(pidfd);
      return failed;
    }
    this.#watches.set(knote, member);
    return 0;
  }

  touch(knote: Knote, fflags: number, low: number, high: number): number {
    if (isNever(fflags)) return DE.ENOTSUP;
    storeRequest(knote, fflags, low, high);
    return 0;
  }

  evaluate(knote: Knote): boolean {
    // The status is no longer available: report only the end.
    return knote.fflags !== 0 || (knote.flags & D.EV_EOF) !== 0;
  }

  delivered(): void {
    // It reports one event, which ends it.
  }

  detach(knote: Knote): void {
    this.#watches.get(knote)?.close();
  }

  reason(errno: number): string | undefined {
    return errno === DE.ENOTSUP
      ? 'Linux reports only the exit of a process: add the note exit'
      : undefined;
  }

  /** For the number of a thread, or no process id at all, there is no process. */
  #refusal(errno: number): number {
    return errno === LINUX_EINVAL || errno === LINUX_ENOENT
      ? DE.ESRCH
      : darwinErrno(errno);
  }

  #check(pid: number, pidfd: number, requested: number): number {
    // A process that has ended is not found, whether it was reaped or not.
    if (this.#probe.poll(pidfd, EPOLLIN) !== 0) return DE.ESRCH;
    if ((requested & GUARDED) !== GUARDED) return 0;
    if (this.#libc.kill(pid, 0) >= 0) return 0;
    const isForbidden = this.#libc.errno() === LINUX_EPERM;
    return isForbidden && !this.#isChild(pidfd) ? DE.EACCES : 0;
  }

  /** waitid(2) fails for processes that are not children. */
  #isChild(pidfd: number): boolean {
    return this.#waitid(pidfd) >= 0;
  }

  #waitid(pidfd: number): number {
    const { i32, address } = this.#info;
    i32[4] = 0;
    return this.#libc.waitid(
      P_PIDFD,
      pidfd,
      address,
      WEXITED | WNOHANG | WNOWAIT,
    );
  }

  /**
   * The status as wait(2) returns it: of a child, a zombie, or a reaped
   * process.
   */
  statusOf({ knote, pidfd }: ProcWatch): number | undefined {
    const { i32, address } = this.#info;
    if (this.#waitid(pidfd) >= 0 && i32[4] !== 0) {
      const [code, status] = [i32[2], i32[6]];
      if (code === CLD_EXITED) return (status & 0xff) << 8;
      return code === CLD_DUMPED ? status | 0x80 : status;
    }
    const zombie = procStat(knote.identLow)?.status;
    // Checked afterwards: the pid was its own until now.
    if (zombie !== undefined && !isReaped(pidfd)) return zombie;
    i32.fill(0, 0, 16);
    i32[0] = PIDFD_INFO_EXIT;
    if (this.#libc.ioctl(pidfd, PIDFD_GET_INFO, address) < 0) return undefined;
    return (i32[0] & PIDFD_INFO_EXIT) === 0 ? undefined : i32[15] & 0xffff;
  }
}
