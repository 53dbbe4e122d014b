import { darwin } from '../abi/index.js';

/** Darwin's numbers, which the kernel over epoll uses. */
export const D = darwin.constants;
export const DE = darwin.errno;

/**
 * The outer epoll's data for each of its parts: less than the slot of any
 * source that is in it too.
 */
export const OUTER_READY = -1;
export const OUTER_INNER = -2;
export const OUTER_SIDE = -3;
/** An epoll of a queue that this one watches. */
export const OUTER_CHILD = -4;

/** With both bits, a delete has two steps. */
export const EV_DISPATCH2 = D.EV_DISPATCH | D.EV_UDATA_SPECIFIC;

/**
 * Linux's constants, from its headers. They are the same on every supported
 * CPU.
 */
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
/** Only in poll(2): the descriptor is not open. */
export const POLLNVAL = 0x20;
export const EPOLLONESHOT = 0x40000000;
export const EPOLLET = 0x80000000 | 0;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
/** O_CLOEXEC and O_NONBLOCK, for every call that makes a descriptor. */
export const CLOEXEC = 0x80000;
export const NONBLOCK = 0x800;
