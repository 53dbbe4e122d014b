import { darwin } from '../abi/index.js';

/** Darwin's numbers, which the emulated kernel speaks. */
export const D = darwin.constants;
export const DE = darwin.errno;

/** The outer epoll's data for each of its members. */
export const OUTER_READY = 0;
export const OUTER_INNER = 1;
export const OUTER_SIDE = 2;
/** An epoll of a queue that this one watches. */
export const OUTER_CHILD = 3;

/** Both bits ask for deletion in two steps. */
export const EV_DISPATCH2 = D.EV_DISPATCH | D.EV_UDATA_SPECIFIC;

/** Linux's own constants, from its headers; the same on every CPU we know. */
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
/** Of poll(2) only: there is no such descriptor. */
export const POLLNVAL = 0x20;
export const EPOLLONESHOT = 0x40000000;
export const EPOLLET = 0x80000000 | 0;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
/** O_CLOEXEC and O_NONBLOCK, which every descriptor-making call shares. */
export const CLOEXEC = 0x80000;
export const NONBLOCK = 0x800;
