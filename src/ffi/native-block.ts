import type { Address } from '../memory/index.js';
import { koffi } from './koffi.js';

/** A block of memory for native code, with its views and its address. */
export interface NativeBlock {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly address: number;
}

/** The address of a buffer's memory, which does not move. */
export const addressOf = (buffer: ArrayBufferLike): number =>
  Number(koffi().address(buffer));

/** Allocate zeroed memory. It lives as long as the block is referenced. */
export function nativeBlock(bytes: number): NativeBlock {
  const buffer = new ArrayBuffer(bytes);
  const block = {
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    address: undefined as Address,
  };
  return Object.assign(block, { address: addressOf(buffer) });
}
