import { type NativeLibrary, openLibrary } from './library.js';

/**
 * Whether the process was started with more privileges than its user has, or
 * has changed its ids since. Darwin and the BSDs have issetugid(2) for this; on
 * Linux the auxiliary vector has it.
 */
export function isSetugid(
  platform: string = process.platform,
  library: NativeLibrary = openLibrary(null),
): boolean {
  if (platform === 'linux' || platform === 'win32') return false;
  return library.func('issetugid', 'int', [])?.() === 1;
}
