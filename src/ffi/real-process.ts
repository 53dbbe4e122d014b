import { readFileSync } from 'node:fs';

/**
 * The process whose signals Node delivers, and whose exit it tells of. A test
 * runner may have put this code into a realm of its own, with a copy that
 * hears of neither: then, and only then, Node's realm is asked for the real
 * one.
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
