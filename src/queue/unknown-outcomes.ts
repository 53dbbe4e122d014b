import type { Op } from './change.js';
import type { EncodedKey } from './encoder.js';
import type { Registration } from './registry.js';

/** The possible effects of planned steps on the registration of a key. */
interface Outcome {
  /** The last registration that they add. */
  readonly added: Registration | undefined;
  /** It may be missing until it is restored. */
  readonly isReplaced: boolean;
}

/** The keys of steps that are planned but not sent. */
export class UnknownOutcomes {
  readonly #byFilter = new Map<number, Map<number | bigint, Outcome>>();

  /** A step is planned. */
  add(
    key: EncodedKey,
    added: Registration | undefined,
    isReplaced: boolean,
  ): void {
    const { filter, ident } = key;
    let byIdent = this.#byFilter.get(filter);
    if (byIdent === undefined) {
      byIdent = new Map();
      this.#byFilter.set(filter, byIdent);
    }
    byIdent.set(ident, { added: added ?? this.addedAt(key), isReplaced });
  }

  /** The registration that the planned steps add at a key. */
  addedAt({ filter, ident }: EncodedKey): Registration | undefined {
    return this.#byFilter.get(filter)?.get(ident)?.added;
  }

  /** Whether the records of a step depend on the outcome of earlier steps. */
  matter(
    op: Op,
    { filter, ident }: EncodedKey,
    isRegistered: boolean,
  ): boolean {
    const outcome = this.#byFilter.get(filter)?.get(ident);
    if (outcome === undefined) return false;
    if (outcome.isReplaced) return true;
    if (op === 'delete') return false;
    // A trigger has the token of the registration that will exist then.
    if (op === 'trigger') return isRegistered && outcome.added !== undefined;
    return true;
  }

  clear(): void {
    this.#byFilter.clear();
  }
}
