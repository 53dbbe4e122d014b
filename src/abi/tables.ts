/**
 * The tables of the kernels that a program seldom needs all of: read when one of
 * them is first asked for. Darwin's is not among them, as Linux uses it too.
 */
export { dragonfly } from './dragonfly.js';
export { freebsd } from './freebsd.js';
export { libkqueue } from './libkqueue.js';
export { netbsd } from './netbsd.js';
export { openbsd } from './openbsd.js';
