import { realProcess } from './real-process.js';

/** Resources to release before the process ends. */
export interface Exits {
  /** The process is ending. */
  exiting: boolean;
  /**
   * The functions to call at exit. Realms and copies of this package share the
   * set.
   */
  readonly acts: Set<() => void>;
}

const KEY = Symbol.for('kqueue-ffi.exits');

let known: Exits | undefined;

/**
 * The exit functions of this process. They share one listener, because a test
 * runner loads this package once per test file.
 */
export function exitsOfProcess(): Exits {
  if (known !== undefined) return known;
  const process = realProcess() as NodeJS.Process & { [KEY]?: Exits };
  known = process[KEY];
  if (known !== undefined) return known;
  const exits: Exits = { exiting: false, acts: new Set() };
  Object.defineProperty(process, KEY, { value: exits });
  process.once('exit', () => {
    exits.exiting = true;
    for (const act of exits.acts) act();
  });
  known = exits;
  return exits;
}
