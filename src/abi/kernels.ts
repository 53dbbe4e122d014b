import { darwin } from './darwin.js';
import type { KernelFacts } from './shape.js';
import type {
  dragonfly,
  freebsd,
  libkqueue,
  netbsd,
  openbsd,
} from './tables.js';

type Tables = typeof import('./tables.js');

const tables = (): Tables => require('./tables.js') as Tables;

/**
 * The tables of all kernels, by name.
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
  readonly darwin: typeof darwin;
  readonly freebsd: typeof freebsd;
  readonly openbsd: typeof openbsd;
  readonly netbsd: typeof netbsd;
  readonly dragonfly: typeof dragonfly;
  readonly libkqueue: typeof libkqueue;
} = {
  darwin,
  get freebsd() {
    return tables().freebsd;
  },
  get openbsd() {
    return tables().openbsd;
  },
  get netbsd() {
    return tables().netbsd;
  },
  get dragonfly() {
    return tables().dragonfly;
  },
  get libkqueue() {
    return tables().libkqueue;
  },
} satisfies Readonly<Record<string, KernelFacts>>;

/** The name of a kernel that has a table. */
export type KernelName = keyof typeof kernels;
