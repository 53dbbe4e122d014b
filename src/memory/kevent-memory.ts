import type { StructLayout } from './layout.js';

/**
 * `struct kevent` in 32-bit words, which is how it is read and written: a
 * pair of 32-bit words costs a tenth of a `BigInt64Array` element.
 *
 * Every layout of every kernel keeps its fields on 4-byte boundaries but for
 * 16-bit `filter` and `flags`, which always share one word. All CPUs that
 * koffi has a build for and a kqueue runs on are little-endian.
 */
export interface KeventWords {
  readonly layout: StructLayout;
  /** Words from one entry to the next. */
  readonly stride: number;
  readonly ident: number;
  /** The word of `filter`. */
  readonly filter: number;
  /** The word of `flags`: the same as `filter` where both are 16 bits. */
  readonly flags: number;
  readonly fflags: number;
  readonly data: number;
  readonly udata: number;
  /** The first word of `ext`, or -1 where there is none. */
  readonly ext: number;
  /** Number of 64-bit elements of `ext`. */
  readonly extCount: number;
  /** Whether `ident` and `udata` have 64 bits. */
  readonly widePointers: boolean;
  /** The highest upper word of an `ident` or `udata` that is a safe integer. */
  readonly safeHigh: number;
  readonly wideData: boolean;
  /** Whether `filter` and `flags` are 16 bits and share a word. */
  readonly packed: boolean;
  /** Whether each field of 64 bits begins at an even word. */
  readonly isAligned: boolean;
  /** As most kernels have it: 64 bits where there can be, no `ext`. */
  readonly isPlain: boolean;
}

/** Turn a byte layout into word positions. */
export function wordsOf(layout: StructLayout): KeventWords {
  const { ident, filter, flags, fflags, data, udata, ext } = layout.fields;
  const isAligned = [ident, data, udata, ext ?? ident].every(
    ({ offset, size }) => size < 8 || offset % 8 === 0,
  );
  return {
    layout,
    stride: layout.size >> 2,
    ident: ident.offset >> 2,
    filter: filter.offset >> 2,
    flags: flags.offset >> 2,
    fflags: fflags.offset >> 2,
    data: data.offset >> 2,
    udata: udata.offset >> 2,
    ext: ext === undefined ? -1 : ext.offset >> 2,
    extCount: ext === undefined ? 0 : ext.count,
    widePointers: ident.size === 8,
    safeHigh: ident.size === 8 ? 0x1fffff : 0,
    wideData: data.size === 8,
    packed: filter.size === 2,
    isAligned: isAligned && layout.size % 8 === 0,
    isPlain:
      isAligned &&
      filter.size === 2 &&
      ident.size === 8 &&
      data.size === 8 &&
      ext === undefined,
  };
}

/**
 * The address of a block, once it is known. A field that starts as undefined keeps
 * one number object; a field that starts as a number would allocate one per call.
 */
export type Address = number | undefined;

/**
 * A block of `struct kevent` that native code may read and write. The buffer
 * never leaves the package, so other code cannot transfer or resize it during a
 * call.
 */
export interface KeventMemory {
  readonly words: KeventWords;
  readonly capacity: number;
  length: number;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  /** For layouts whose fields are aligned: {@link KeventWords.isAligned}. */
  readonly u64: BigUint64Array;
  /** The address of the block, once a kernel has read it. */
  address: Address;
}

/** Allocate zeroed memory for `capacity` entries. */
export function allocate(capacity: number, words: KeventWords): KeventMemory {
  const size = capacity * words.layout.size;
  const block = new ArrayBuffer(Math.ceil(size / 8) * 8);
  return {
    words,
    capacity,
    length: 0,
    i32: new Int32Array(block),
    u32: new Uint32Array(block),
    u64: new BigUint64Array(block),
    address: undefined,
  };
}
