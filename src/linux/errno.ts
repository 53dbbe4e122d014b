import { constants } from 'node:os';
import type { Libc } from '../ffi/index.js';
import { DE } from './constants.js';

/** Linux's errno numbers by name. */
const linux: Readonly<Record<string, number>> = constants.errno;

const toDarwin = new Map<number, number>();
for (const [name, number] of Object.entries(linux)) {
  const same = (DE as Readonly<Record<string, number>>)[name];
  if (same !== undefined && !toDarwin.has(number)) toDarwin.set(number, same);
}

/** Translate an errno of Linux into Darwin's number of that name. */
export const darwinErrno = (errno: number): number =>
  toDarwin.get(errno) ?? DE.EIO;

/** The errno of the last libc call, as Darwin's number. */
export const lastErrno = (libc: Libc): number => darwinErrno(libc.errno());

export const LINUX_EINTR = linux.EINTR;
export const LINUX_EBADF = linux.EBADF;
export const LINUX_ENOMEM = linux.ENOMEM;
export const LINUX_ENOSPC = linux.ENOSPC;
export const LINUX_ENOBUFS = linux.ENOBUFS;
export const LINUX_ENOENT = linux.ENOENT;
export const LINUX_EEXIST = linux.EEXIST;
export const LINUX_EINVAL = linux.EINVAL;
export const LINUX_EPIPE = linux.EPIPE;
export const LINUX_EPERM = linux.EPERM;
export const LINUX_ENOSYS = linux.ENOSYS;
export const LINUX_ELOOP = linux.ELOOP;
export const LINUX_ESRCH = linux.ESRCH;
