import { darwin } from './darwin.js';
import { dragonfly } from './dragonfly.js';
import { freebsd } from './freebsd.js';
import { libkqueue } from './libkqueue.js';
import { netbsd } from './netbsd.js';
import { openbsd } from './openbsd.js';
import type { KernelFacts } from './shape.js';

export { darwin, dragonfly, freebsd, libkqueue, netbsd, openbsd };

/**
 * Every kernel's table by name.
 *
 * @example
 * ```ts
 * import { kernels } from 'kqueue-ffi/abi';
 *
 * for (const { name, constants } of Object.values(kernels)) {
 *   console.log(name, constants.EVFILT_USER); // darwin -10, freebsd -11 …
 * }
 * ```
 */
export const kernels: {
  // By name, lest the declarations hold each table twice.
  readonly darwin: typeof darwin;
  readonly freebsd: typeof freebsd;
  readonly openbsd: typeof openbsd;
  readonly netbsd: typeof netbsd;
  readonly dragonfly: typeof dragonfly;
  readonly libkqueue: typeof libkqueue;
} = {
  darwin,
  freebsd,
  openbsd,
  netbsd,
  dragonfly,
  libkqueue,
} satisfies Readonly<Record<string, KernelFacts>>;

/** The name of a kernel this package has a table of. */
export type KernelName = keyof typeof kernels;
