/**
 * The tables of kernels that most programs do not need, loaded when one of them
 * is first used. Darwin's is not among them, because Linux uses it too.
 */
export { dragonfly } from './dragonfly.js';
export { freebsd } from './freebsd.js';
export { libkqueue } from './libkqueue.js';
export { netbsd } from './netbsd.js';
export { openbsd } from './openbsd.js';
