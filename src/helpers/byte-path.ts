import { isUtf8 } from 'node:buffer';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { misuse } from '../errors.js';
import type { BytePath } from './file-path.js';

/** The bytes of a path, for `node:fs`. */
export const toBuffer = (path: BytePath): Buffer => Buffer.from(path, 'latin1');

export const fromBuffer = (path: Uint8Array): BytePath =>
  Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString('latin1');

/** Decode a name as text. Bytes that are not UTF-8 become U+FFFD. */
export const toText = (path: BytePath): string => toBuffer(path).toString();

/** Whether a name is UTF-8, so that its text identifies it. */
export const isText = (path: BytePath): boolean => isUtf8(toBuffer(path));

/**
 * Make a path absolute. A `..` is left to the kernel: after a symbolic link it
 * names another directory than the text suggests.
 */
export function toAbsolute(path: BytePath): BytePath {
  const absolute = path.startsWith('/')
    ? path
    : `${fromBuffer(Buffer.from(process.cwd()))}/${path}`;
  return /\/\.\.(?:\/|$)/.test(absolute) ? absolute : resolve(absolute);
}

/** The bytes of a `file:` URL, also if they are not UTF-8. */
function decodeUrl(url: URL): BytePath {
  try {
    return fromBuffer(Buffer.from(fileURLToPath(url)));
  } catch (error) {
    if ((error as Error).name !== 'URIError') throw error;
    return url.pathname.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
}

/**
 * Check the path of a helper.
 *
 * @throws {TypeError} If it is none.
 */
export function checkPath(path: unknown, action: string): BytePath {
  let bytes: BytePath = '';
  if (path instanceof URL && path.protocol === 'file:') bytes = decodeUrl(path);
  else if (path instanceof Uint8Array) bytes = fromBuffer(path);
  else if (typeof path === 'string') bytes = fromBuffer(Buffer.from(path));
  if (bytes !== '' && !bytes.includes('\0')) return bytes;
  const expected = 'a path without null bytes, a Buffer, or a file: URL';
  throw new TypeError(misuse(action, 'path', expected, path));
}
