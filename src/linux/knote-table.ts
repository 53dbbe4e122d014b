import { D } from './constants.js';
import { toBigInt, toDouble } from './int64.js';
import type { Knote } from './knote.js';

type Key = number | bigint;

/** Most keys are small integers, which V8 finds fastest. */
const keyOf = (low: number, high: number): Key =>
  high === 0 && low >= 0 ? low : wideKey(low, high);

const wideKey = (low: number, high: number): Key =>
  high >= 0 && high <= 0x1fffff ? toDouble(low, high) : toBigInt(low, high);

/**
 * The knotes of a queue, by filter and ident, and by udata where it is part of
 * the key.
 */
export class KnoteTable {
  readonly #byFilter: (Map<Key, Knote> | undefined)[] = [];

  find(
    filter: number,
    identLow: number,
    identHigh: number,
    specific: boolean,
    udataLow: number,
    udataHigh: number,
  ): Knote | undefined {
    let knote: Knote | null =
      this.#byFilter[-filter]?.get(keyOf(identLow, identHigh)) ?? null;
    for (; knote !== null; knote = knote.sibling) {
      const isSpecific = (knote.flags & D.EV_UDATA_SPECIFIC) !== 0;
      if (isSpecific !== specific) continue;
      if (!specific) return knote;
      if (knote.udataLow === udataLow && knote.udataHigh === udataHigh) {
        return knote;
      }
    }
    return undefined;
  }

  add(knote: Knote): void {
    this.#byFilter[-knote.filterNumber] ??= new Map();
    const map = this.#byFilter[-knote.filterNumber];
    const key = keyOf(knote.identLow, knote.identHigh);
    knote.sibling = map?.get(key) ?? null;
    map?.set(key, knote);
  }

  remove(knote: Knote): void {
    const map = this.#byFilter[-knote.filterNumber];
    const key = keyOf(knote.identLow, knote.identHigh);
    let other: Knote | null | undefined = map?.get(key);
    if (other === knote) {
      if (knote.sibling === null) map?.delete(key);
      else map?.set(key, knote.sibling);
      return;
    }
    for (; other != null; other = other.sibling) {
      if (other.sibling === knote) {
        other.sibling = knote.sibling;
        return;
      }
    }
  }

  *all(): Iterable<Knote> {
    for (const map of this.#byFilter) {
      if (map === undefined) continue;
      for (const first of map.values()) {
        for (let k: Knote | null = first; k !== null; k = k.sibling) yield k;
      }
    }
  }
}
