/** The addon of bench/native, through Node-API. */
import { createRequire } from 'node:module';
import type { KeventInit } from 'kqueue-ffi';
import { task } from './task.js';

/** An event as the addon makes it. */
export interface AddonEvent {
  readonly ident: number;
  readonly filter: number;
  readonly flags: number;
  readonly fflags: number;
  readonly data: number;
  readonly udata: number;
}

export interface Addon {
  open(library: string): void;
  kqueue(): number;
  /** Take and return objects. */
  exchange(
    kq: number,
    changes: readonly KeventInit[] | null,
    nevents: number,
  ): AddonEvent[];
  /** The memory that `call` passes. */
  bind(changes: ArrayBuffer, events: ArrayBuffer): void;
  /** Take and return integers. */
  call(kq: number, nchanges: number, nevents: number): number;
}

/** The addon over the task's library, if it was compiled. */
export function loadAddon(): Addon | undefined {
  if (task.addon === undefined) return undefined;
  const addon: Addon = createRequire(import.meta.url)(task.addon);
  addon.open(task.library ?? '');
  return addon;
}
