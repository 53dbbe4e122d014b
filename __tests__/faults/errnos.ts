// What each native call may fail with: the errors its man page lists, by what
// they say about the world.
import { constants } from 'node:os';

/**
 * Kinds of failures. A shortage (of memory, descriptors, permission or time: a
 * signal) may pass, and does not depend on the arguments. A claim says that the
 * arguments were wrong. Here they never are, so it contradicts the facts.
 */
export type Kind = 'lack' | 'claim';

export type Errno = keyof typeof constants.errno;

interface Errors {
  readonly lacks: readonly Errno[];
  readonly claims: readonly Errno[];
}

/** The names of an errno table in one string, by kind. */
const errors = (lacks: string, claims: string): Errors => {
  const split = (names: string) =>
    names.split(' ').filter((name) => name !== '') as Errno[];
  return { lacks: split(lacks), claims: split(claims) };
};

const DESCRIPTORS = 'EMFILE ENFILE ENOMEM';
const WAITING = errors('EINTR', 'EBADF EFAULT EINVAL');
const POLLING = errors('EINTR ENOMEM', 'EFAULT EINVAL');

/** By the name in `Libc`; epoll_ctl by its operation too. */
export const ERRNOS: Readonly<Record<string, Errors>> = {
  // On Linux a failed close still closes the descriptor.
  close: errors('EINTR EIO ENOSPC EDQUOT', 'EBADF'),
  read: errors('EINTR', 'EAGAIN EBADF EFAULT EINVAL EIO EISDIR'),
  lseek: errors('', 'EBADF EINVAL ENXIO EOVERFLOW ESPIPE'),
  fcntl: errors('', 'EACCES EAGAIN EBADF EFAULT EINVAL EPERM'),
  ioctl: errors('', 'EBADF EFAULT EINVAL ENOTTY'),
  isatty: errors('', 'EBADF ENOTTY'),
  poll: POLLING,
  ppoll: POLLING,
  socket: errors(
    `${DESCRIPTORS} ENOBUFS EACCES EAFNOSUPPORT EPROTONOSUPPORT`,
    'EINVAL',
  ),
  send: errors(
    'EINTR ENOBUFS ENOMEM',
    'EACCES EAGAIN EBADF ECONNRESET EDESTADDRREQ EFAULT EINVAL EISCONN EMSGSIZE ENOTCONN ENOTSOCK EOPNOTSUPP EPIPE',
  ),
  recv: errors(
    'EINTR ENOMEM',
    'EAGAIN EBADF ECONNREFUSED EFAULT EINVAL ENOTCONN ENOTSOCK',
  ),
  getsockopt: errors('', 'EBADF EFAULT EINVAL ENOPROTOOPT ENOTSOCK'),
  epollCreate: errors(DESCRIPTORS, 'EINVAL'),
  'epollCtl.add': errors('ENOMEM ENOSPC', 'EBADF EEXIST EINVAL ELOOP EPERM'),
  'epollCtl.mod': errors('ENOMEM', 'EBADF EINVAL ENOENT'),
  'epollCtl.del': errors('', 'EBADF EINVAL ENOENT'),
  epollWait: WAITING,
  // The second two: Linux before 5.11, and a sandbox that does not know it.
  epollPwait2: errors('EINTR ENOSYS EPERM', 'EBADF EFAULT EINVAL'),
  eventfd: errors(`${DESCRIPTORS} ENODEV`, 'EINVAL'),
  timerfdCreate: errors(`${DESCRIPTORS} ENODEV`, 'EINVAL EPERM'),
  timerfdSettime: errors('', 'EBADF ECANCELED EFAULT EINVAL'),
  clockGettime: errors('', 'EACCES EFAULT EINVAL ENODEV EPERM'),
  inotifyInit: errors(DESCRIPTORS, 'EINVAL'),
  inotifyAddWatch: errors(
    'EACCES ENOMEM ENOSPC',
    'EBADF EEXIST EFAULT EINVAL ENAMETOOLONG ENOENT ENOTDIR',
  ),
  inotifyRmWatch: errors('', 'EBADF EINVAL'),
  statx: errors(
    'ENOMEM',
    'EACCES EBADF EFAULT EINVAL ELOOP ENAMETOOLONG ENOENT ENOTDIR',
  ),
  nameToHandleAt: errors(
    '',
    'EBADF EFAULT EINVAL ELOOP ENOENT ENOTDIR EOPNOTSUPP EOVERFLOW',
  ),
  // Without it a file is taken to be watched twice as one descriptor.
  kcmp: errors('', 'EBADF EFAULT EINVAL EPERM ESRCH'),
  pipe: errors('EMFILE ENFILE', 'EFAULT EINVAL'),
  tee: errors('ENOMEM', 'EAGAIN EINVAL'),
  pidfdOpen: errors(`${DESCRIPTORS} ENODEV`, 'EINVAL ESRCH'),
  kill: errors('', 'EINVAL EPERM ESRCH'),
  waitid: errors('EINTR', 'EAGAIN ECHILD EINVAL ESRCH'),
};

/**
 * Calls that create something. They may fail for the rest of the process, and
 * everything created before has to keep working.
 */
export const MAKERS: readonly string[] = [
  'socket',
  'epollCreate',
  'epollCtl.add',
  'epollPwait2',
  'eventfd',
  'timerfdCreate',
  'inotifyInit',
  'inotifyAddWatch',
  'pipe',
  'pidfdOpen',
];

/** The errno of a system call that a seccomp filter rejects. */
export const SANDBOX: readonly Errno[] = ['EPERM', 'ENOSYS'];

export const numberOf = (name: Errno): number => constants.errno[name];
