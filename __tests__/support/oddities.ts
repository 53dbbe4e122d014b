// Values that no caller should pass, and chance that repeats itself.
import { createContext, runInContext } from 'node:vm';

/** Mulberry32: the same numbers from 0 to 1 for the same seed. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the getters of hostile objects throw: theirs, so it comes through. */
export const theirs = new Error('thrown by a getter');

/** Integers that are the number of no descriptor of this process. */
export const farNumbers: readonly number[] = [
  2 ** 20,
  2 ** 20 + 1,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
];

/** Numbers that are neither a descriptor nor an index. */
export const oddNumbers: readonly number[] = [
  -1,
  0.5,
  -0.5,
  -(2 ** 31),
  -(2 ** 53),
  1e300,
  -1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** Small integers, where those are harmless. */
export const smallNumbers: readonly number[] = [
  0, -0, 1, 2, 3, 7, 16, 0x40, 0x8000, 0xffff,
];

export const bigints: readonly bigint[] = [
  0n,
  1n,
  -1n,
  2n ** 31n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  -(2n ** 63n),
  -(2n ** 63n) - 1n,
  2n ** 64n - 1n,
  2n ** 64n,
  2n ** 1000n,
];

/** A Proxy on which everything fails. */
export function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** A view of memory that was given away. */
function detachedView(): Uint8Array {
  const view = new Uint8Array(64);
  structuredClone(view, { transfer: [view.buffer] });
  return view;
}

const fail = (): never => {
  throw theirs;
};

/** An object that throws on each use: {@link theirs}. */
const hostile = (target: object): object =>
  new Proxy(
    target,
    Object.fromEntries(
      Reflect.ownKeys(Reflect)
        .filter((trap) => typeof trap === 'string')
        .map((trap) => [trap, fail]),
    ),
  );

const elsewhere = createContext({});
/** A value of another realm. */
const foreign = (code: string): unknown => runInContext(code, elsewhere);

const detached = detachedView();

/** One of each kind. */
export const oddities: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  '',
  '3',
  'kevent',
  '\ud800',
  Symbol('s'),
  Symbol.iterator,
  {},
  [],
  new Array(3),
  [undefined],
  [[[]]],
  Object.create(null),
  () => 1,
  class {},
  new Date(0),
  new Map(),
  /x/,
  Promise.resolve(),
  Object(1),
  Object(1n),
  new ArrayBuffer(64),
  new SharedArrayBuffer(64),
  new Uint8Array(64),
  new DataView(new ArrayBuffer(64)),
  new BigInt64Array(2),
  detached,
  detached.buffer,
  hostile({}),
  hostile([]),
  hostile(() => 1),
  revoked({}),
  revoked([]),
  revoked(() => 1),
  foreign('[]'),
  foreign('({ ident: 1, filter: -1 })'),
  foreign('[{ ident: 1, filter: -1 }]'),
  foreign('new Proxy([], {})'),
  globalThis,
];
