import type { KernelFacts } from '../abi/index.js';
import { KeventList } from '../calls/index.js';
import type { KeventInit } from '../memory/index.js';

/** A record that was not sent yet. */
export type Sendable = { -readonly [K in keyof KeventInit]: KeventInit[K] };

/**
 * Sends records to the kernel, which writes an entry for each: 0 or an errno.
 */
export type Send = (
  records: readonly KeventInit[],
  entries: KeventList | null,
) => number;

/** The maximum number of records per call; libkqueue returns at most 512. */
const LIMIT = 2 ** 20;
const LIBKQUEUE_LIMIT = 512;

/** Sends records in as few calls as possible, and finds the outcome of each. */
export class RecordSender {
  readonly #facts: KernelFacts;
  /** Whether the kernel writes receipts; unknown before the first request. */
  #hasReceipts: boolean | undefined;
  /** Filters that have written receipts. Not every kernel's filters do. */
  readonly #receiptFilters = new Set<number>();
  #entries: KeventList | undefined;

  constructor(facts: KernelFacts) {
    this.#facts = facts;
  }

  /**
   * Send records in order.
   *
   * @returns For each, 0 or the errno of its refusal.
   */
  send(records: readonly Sendable[], send: Send): number[] {
    // A single record needs no receipt.
    if (records.length === 1) return [send(records, null)];
    const receipt: number | undefined = this.#facts.constants.EV_RECEIPT;
    const errnos: number[] = [];
    for (let at = 0; at < records.length; at = errnos.length) {
      // Without receipts it is unknown which of several records was refused.
      const sent =
        receipt === undefined || this.#hasReceipts === false
          ? [send([records[at]], null)]
          : this.#sendBatch(records, at, receipt, send);
      for (const errno of sent) errnos.push(errno);
    }
    return errnos;
  }

  /**
   * Send as many records as one call takes. A call that writes no entry for a
   * change collects events instead, and they would be lost. So before a filter
   * has written a receipt, its records follow a record that must be refused.
   */
  #sendBatch(
    records: readonly Sendable[],
    at: number,
    receipt: number,
    send: Send,
  ): number[] {
    const { EVFILT_READ, EV_DELETE } = this.#facts.constants;
    const isProbe = !this.#receiptFilters.has(records[at].filter);
    const batch = records.slice(at, this.#endOfBatch(records, at, isProbe));
    for (const record of batch) record.flags = (record.flags ?? 0) | receipt;
    const invalid = { ident: -1n, filter: EVFILT_READ, flags: EV_DELETE };
    const sent = isProbe ? [invalid, ...batch] : batch;
    const entries = this.#entriesFor(sent.length, isProbe);
    const errno = send(sent, entries);
    // Neither a refusal nor an interrupted call is conclusive.
    if (errno !== 0) return batch.map(() => errno);
    const errnos = this.#readErrnos(batch, entries);
    if (this.#hasReceipts === undefined && entries.length > 0) {
      if (this.#receiptFilters.size > 0) this.#hasReceipts = true;
      else if (errnos.includes(0)) this.#hasReceipts = false;
    }
    return errnos;
  }

  /**
   * Entries have filter and ident. If a success may have no entry, two records
   * with the same filter and ident go in two calls. Each entry then belongs to
   * one record.
   */
  #endOfBatch(
    records: readonly Sendable[],
    at: number,
    isProbe: boolean,
  ): number {
    const isLimited = this.#facts.name === 'libkqueue';
    const limit = (isLimited ? LIBKQUEUE_LIMIT : LIMIT) - Number(isProbe);
    const last = Math.min(records.length, at + limit);
    const seen = new Set<string>();
    for (let end = at; end < last; end++) {
      const { filter, ident } = records[end];
      if (this.#receiptFilters.has(filter)) continue;
      const key = `${filter} ${ident}`;
      if (seen.has(key)) return end;
      seen.add(key);
    }
    return last;
  }

  /** Space for an entry per record; for a probe, no more than that. */
  #entriesFor(count: number, isExact: boolean): KeventList {
    const capacity = isExact ? count : 2 ** Math.ceil(Math.log2(count));
    const kept = this.#entries;
    if (
      kept !== undefined &&
      (isExact ? kept.capacity === capacity : kept.capacity >= capacity)
    ) {
      return kept;
    }
    this.#entries = new KeventList(capacity);
    return this.#entries;
  }

  /**
   * The outcome of each record. Entries come in the order of the records. A
   * record without an entry succeeded.
   */
  #readErrnos(records: readonly KeventInit[], entries: KeventList): number[] {
    const { EV_ERROR } = this.#facts.constants;
    const errnos = records.map(() => 0);
    let at = 0;
    for (let i = 0; i < entries.length; i++) {
      if ((entries.flags(i) & EV_ERROR) === 0) continue;
      const filter = entries.filter(i);
      const ident = entries.ident(i);
      let found = at;
      while (
        found < records.length &&
        (records[found].filter !== filter || records[found].ident !== ident)
      ) {
        found++;
      }
      if (found === records.length) continue;
      errnos[found] = Number(entries.data(i));
      if (errnos[found] === 0) this.#receiptFilters.add(filter);
      at = found + 1;
    }
    return errnos;
  }
}
