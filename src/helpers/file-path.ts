/** A `file:` URL: a `URL` of Node's types, or of the DOM's. */
export interface FileUrl {
  readonly href: string;
  readonly protocol: string;
}

/** A path as `node:fs` takes it. Names that are no UTF-8 need a Buffer or URL. */
export type FilePath = string | Uint8Array | FileUrl;

/**
 * A path with one character for each byte, so that `node:path` works on names
 * that are no UTF-8.
 */
export type BytePath = string;
