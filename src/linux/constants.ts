import { constants } from 'node:os';
import { darwin } from '../abi/index.js';

/** Darwin's numbers, which the emulated kernel speaks. */
export const D = darwin.constants;
export const DE = darwin.errno;

/** Linux's errno numbers by name. */
const linux: Readonly<Record<string, number>> = constants.errno;

const toDarwin = new Map<number, number>();
for (const [name, number] of Object.entries(linux)) {
  const same = (DE as Readonly<Record<string, number>>)[name];
  if (same !== undefined && !toDarwin.has(number)) toDarwin.set(number, same);
}

/** Translate an errno of Linux into the number Darwin has for its name. */
export const darwinErrno = (errno: number): number =>
  toDarwin.get(errno) ?? DE.EIO;

export const LINUX_EINTR = linux.EINTR;
export const LINUX_EBADF = linux.EBADF;
export const LINUX_ENOMEM = linux.ENOMEM;
export const LINUX_ENOBUFS = linux.ENOBUFS;
export const LINUX_ENOENT = linux.ENOENT;
export const LINUX_EEXIST = linux.EEXIST;
export const LINUX_EINVAL = linux.EINVAL;
export const LINUX_EPIPE = linux.EPIPE;
export const LINUX_EPERM = linux.EPERM;
export const LINUX_ENOSYS = linux.ENOSYS;
export const LINUX_ELOOP = linux.ELOOP;
export const LINUX_ESRCH = linux.ESRCH;

/** What the outer epoll of a queue gives back for an epoll of a queue below. */
export const MEMBER_CHILD = 3;

/** Both bits ask for deletion in two steps. */
export const EV_DISPATCH2 = D.EV_DISPATCH | D.EV_UDATA_SPECIFIC;

/** Linux's own constants, from its headers; the same on every CPU we know. */
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLONESHOT = 0x40000000;
export const EPOLLET = 0x80000000 | 0;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
/** O_CLOEXEC and O_NONBLOCK, which every descriptor-making call shares. */
export const CLOEXEC = 0x80000;
export const NONBLOCK = 0x800;
