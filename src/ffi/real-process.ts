import { readFileSync } from 'node:fs';

/**
 * The process object that receives signals and the exit event. A test runner
 * may load this code in its own realm, with a copy of `process` that receives
 * neither. Only then is the real object taken from Node's realm.
 */
export function realProcess(): NodeJS.Process {
  if (readFileSync.constructor === Function) return process;
  try {
    const make = readFileSync.constructor as (body: string) => () => unknown;
    return make('return process')() as NodeJS.Process;
  } catch {
    return process;
  }
}
