import type { House } from './house.js';
import type { Ledger } from './ledger.js';
import type { Place } from './place.js';
import type { Random } from './random.js';

/** What a scenario has to work with. */
export interface Setting {
  readonly house: House;
  readonly place: Place;
  readonly ledger: Ledger;
  readonly random: Random;
}

/** Something a program might do, that checks what it sees. */
export type Scenario = (setting: Setting) => Promise<void>;

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

let serial = 0;

/** A number that no other registration has. */
export const newId = (): number => ++serial;
