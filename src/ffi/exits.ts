import type { EventEmitter } from 'node:events';
import { queueMicrotask } from '../host/index.js';
import { realProcess } from './real-process.js';

/** Resources to release before the process ends. */
export interface Exits {
  /** The process is ending: the listeners of `exit` are called, or were. */
  readonly exiting: boolean;
  /**
   * The functions to call at exit. Realms and copies of this package share the
   * set.
   */
  readonly acts: Set<() => void>;
}

const KEY = Symbol.for('kqueue-ffi.exits');

type Process = NodeJS.Process & { [KEY]?: Exits; _exiting?: boolean };

let known: Exits | undefined;

/**
 * The exit functions of this process. They share one listener, because a test
 * runner loads this package once per test file.
 */
export function exitsOfProcess(): Exits {
  if (known !== undefined) return known;
  const process: Process = realProcess();
  known = process[KEY];
  if (known !== undefined) return known;
  known = listenForExit(process);
  Object.defineProperty(process, KEY, { value: known });
  return known;
}

function listenForExit(process: Process): Exits {
  const emitter: EventEmitter = process;
  const acts = new Set<() => void>();
  let isOver = false;
  const onExit = (): void => {
    isOver = true;
    for (const act of acts) act();
  };
  const onRemoved = (_name: unknown, removed: unknown): void => {
    if (removed === onExit) queueMicrotask(listen);
  };
  /** Listen, also after the program has removed all listeners. */
  const listen = (): void => {
    for (const [name, listener] of [
      ['exit', onExit],
      ['removeListener', onRemoved],
    ] as const) {
      const has = emitter.listeners(name).includes(listener);
      if (!has) emitter.on(name, listener);
    }
  };
  listen();
  return {
    acts,
    get exiting() {
      return isOver || process._exiting === true;
    },
  };
}
