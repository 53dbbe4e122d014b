import { type NativeLibrary, openLibrary } from './library.js';

/**
 * Whether the process was started with more rights than its user has, or has
 * changed them since: issetugid(2) of Darwin and the BSDs, which still knows when
 * the ids are the same again. Linux says it in the auxiliary vector.
 */
export function isSetugid(
  platform: string = process.platform,
  library: NativeLibrary = openLibrary(null),
): boolean {
  if (platform === 'linux' || platform === 'win32') return false;
  return library.func('issetugid', 'int', [])?.() === 1;
}
