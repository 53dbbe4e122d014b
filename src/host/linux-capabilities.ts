import type { Capability, Deviations } from './capabilities.js';

const emulated = (reason: string): Capability => ({
  support: 'emulated',
  reason,
});
const absent = (reason: string): Capability => ({ support: 'absent', reason });

const NO_SOURCE = 'Linux tells no unprivileged process of it';
const NO_DETAIL = 'Linux gives no details of an exit';
const NEVER = 'Linux reports nothing of it, so it is accepted and never comes';

/** The capabilities of the built-in kqueue, and their sources. */
export const LINUX: Readonly<Record<string, Deviations>> = {
  read: {
    filter: emulated(
      'over epoll; of datagrams only the first is counted, and fflags never has a socket error, which Linux cannot tell without consuming it',
    ),
  },
  write: {
    filter: emulated(
      'over epoll; the space in a socket is estimated, as Linux counts its own overhead in',
    ),
  },
  except: {
    filter: emulated('over epoll, which tells of out-of-band data'),
  },
  vnode: {
    filter: emulated('over inotify, with the status of the file compared'),
    notes: {
      delete: emulated(
        'from the count of links; of a directory that is removed while it is open Linux tells nothing',
      ),
      extend: emulated(
        'from the size; a file that grew by truncate looks alike',
      ),
      attrib: emulated('a truncation is told from a write by the size'),
      link: emulated('from the count of links'),
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
        'of children, unless they are waited for first; of others from Linux 6.15 on',
      ),
      exit_detail: absent('it is reported at exit, and never says anything'),
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
      "over Node's signal handlers: only in the main thread; a signal that is registered is caught, so it neither kills nor is ignored",
    ),
    notes: {},
  },
  timer: {
    filter: emulated('over timerfd'),
    notes: {
      leeway: absent('accepted, and timers are never put together'),
      critical: absent('accepted, and timers are always on time'),
      background: absent('accepted, and timers are always on time'),
      machtime: emulated('one tick is one nanosecond'),
    },
  },
  user: {
    filter: emulated(
      'in this thread: another thread, or another process, cannot trigger it',
    ),
  },
  fs: {
    filter: emulated('over /proc/self/mountinfo: mounts and unmounts only'),
    notes: {},
  },
};
