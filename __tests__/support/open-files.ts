// The open descriptors of this process.
import { readdirSync, readlinkSync } from 'node:fs';

/**
 * In any thread, malloc and free of the C library may read a setting of the system.
 * Its file is open for a moment only.
 */
const MOMENTARY = /^\/proc\/sys\/|^\/sys\//;

/** The open descriptors, each with its path. */
export function openFiles(): [fd: number, path: string][] {
  return readdirSync('/dev/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/dev/fd/${fd}`);
      return MOMENTARY.test(path) ? [] : [[Number(fd), path]];
    } catch (error) {
      // The descriptor that listed them is closed. Some systems have no links.
      return (error as NodeJS.ErrnoException).code === 'EINVAL'
        ? [[Number(fd), '']]
        : [];
    }
  });
}
