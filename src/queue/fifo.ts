import { fstatSync, readlinkSync } from 'node:fs';
import { ffi } from './late.js';

/**
 * Whether a descriptor is a named FIFO. Darwin, and so the Linux kernel of this
 * package, reports no EOF of one (rule G21).
 */
export function isNamedFifo(fd: number): boolean {
  try {
    if (!fstatSync(fd).isFIFO()) return false;
    if (process.platform !== 'linux') return true;
    return !readlinkSync(`/proc/self/fd/${fd}`).startsWith('pipe:');
  } catch {
    return false;
  }
}

/** Whether the other side of a FIFO has closed, as poll(2) reports it. */
export const hasHungUp = (fd: number): boolean => ffi().hasHungUp(fd);
