import type { Ledger } from './ledger.js';
import type { Place } from './place.js';
import type { Random } from './random.js';
import type { SharedQueue } from './shared-queue.js';

/** The objects that scenarios use. */
export interface Setting {
  readonly shared: SharedQueue;
  readonly place: Place;
  readonly ledger: Ledger;
  readonly random: Random;
}

/** An activity of a program, which checks its events. */
export type Scenario = (setting: Setting) => Promise<void>;

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

let serial = 0;

/** A number that no other registration has. */
export const newId = (): number => ++serial;
