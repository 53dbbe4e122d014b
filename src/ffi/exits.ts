import { realProcess } from './real-process.js';

/** Resources to release before the process is taken down. */
export interface Exits {
  /** It is being taken down. */
  exiting: boolean;
  /** Called then. Realms and copies of this library share the set. */
  readonly acts: Set<() => void>;
}

const KEY = Symbol.for('kqueue-ffi.exits');

let known: Exits | undefined;

/**
 * The exits of this process. It has one listener for all of them: a test
 * runner loads this library once for each test file.
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
