/** A `file:` URL: a `URL` of Node's types or of the DOM's types. */
export interface FileUrl {
  readonly href: string;
  readonly protocol: string;
}

/** A path as in `node:fs`. A name that is not UTF-8 needs a Buffer or a URL. */
export type FilePath = string | Uint8Array | FileUrl;

/**
 * A path with one character per byte, so that `node:path` works on names that are
 * not UTF-8.
 */
export type BytePath = string;
