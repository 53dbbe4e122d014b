import type { Capability, Deviations } from './capabilities.js';

const emulated = (reason: string): Capability => ({
  support: 'emulated',
  reason,
});
const absent = (reason: string): Capability => ({ support: 'absent', reason });

const NO_SOURCE = 'Linux does not report it to unprivileged processes';
const NO_DETAIL = 'Linux gives no details of an exit';
const NEVER = 'accepted, but never reported, because Linux does not report it';

/** The capabilities of the built-in kqueue, and their sources. */
export const LINUX: Readonly<Record<string, Deviations>> = {
  read: {
    filter: emulated(
      'over epoll; only the first datagram is counted, and fflags never has a socket error, because reading it on Linux would clear it',
    ),
  },
  write: {
    filter: emulated(
      'over epoll; the space in a socket is an estimate, because Linux includes its own overhead',
    ),
  },
  except: {
    filter: emulated('over epoll, which reports out-of-band data'),
  },
  vnode: {
    filter: emulated('over inotify, by comparing the status of the file'),
    notes: {
      delete: emulated(
        'from the link count; Linux does not report that an open directory is removed',
      ),
      extend: emulated(
        'from the size; a file that grew by truncate looks the same',
      ),
      attrib: emulated('the size distinguishes a truncation from a write'),
      link: emulated('from the link count'),
      revoke: emulated('only when the file system is unmounted'),
      funlock: absent(NEVER),
      none: absent(NEVER),
      lease_downgrade: absent(NEVER),
      lease_release: absent(NEVER),
    },
  },
  proc: {
    filter: emulated('over a pidfd'),
    notes: {
      exitstatus: emulated(
        'for children that have not been reaped; for other processes on Linux 6.15 and later',
      ),
      exit_detail: absent('reported at exit, but without details'),
      exit_memory: absent(NO_DETAIL),
      exit_decryptfail: absent(NO_DETAIL),
      exit_cserror: absent(NO_DETAIL),
      exit_reparented: absent(NO_DETAIL),
      fork: absent(NO_SOURCE),
      exec: absent(NO_SOURCE),
      signal: absent(NO_SOURCE),
      reap: absent(NO_SOURCE),
      track: absent('Darwin refuses it too'),
      trackerr: absent('Darwin refuses it too'),
      child: absent('Darwin refuses it too'),
    },
  },
  signal: {
    filter: emulated(
      'over the signal handlers of Node.js, on the main thread only; a registered signal is caught, so it neither kills nor is ignored',
    ),
    notes: {},
  },
  timer: {
    filter: emulated('over timerfd'),
    notes: {
      leeway: absent('accepted, but timers are never coalesced'),
      critical: absent('accepted, but timers are always on time'),
      background: absent('accepted, but timers are always on time'),
      machtime: emulated('one tick is one nanosecond'),
    },
  },
  user: {
    filter: emulated(
      'in this thread only; use a waker to trigger it from another thread',
    ),
  },
  fs: {
    filter: emulated('over /proc/self/mountinfo: mounts and unmounts only'),
    notes: {},
  },
};
