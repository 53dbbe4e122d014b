/**
 * Any `AbortSignal`: Node's, a browser's, or one of another realm. The type asks
 * only for what is used, so it needs neither the types of Node nor of the DOM.
 */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** What a wait rejects with once the signal is aborted. */
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
