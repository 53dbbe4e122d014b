import type { Knote } from './knote.js';
import type { FdSource } from './source.js';

/**
 * The edges of one drain. One operation can make several descriptors of an open
 * file ready. epoll reports them one by one; Darwin posts all knotes of the
 * file, newest first (rule T1).
 */
export class Edges {
  /** The first edge; most drains have only one. */
  #first: FdSource | null = null;
  #firstBits = 0;
  /** Further edges of the same open file. */
  readonly #others: FdSource[] = [];
  readonly #otherBits: number[] = [];

  /** Add an edge. First post the edges of another file. */
  add(source: FdSource, bits: number): void {
    if (this.#first?.isSameFileAs(source) === false) this.post();
    source.note(bits);
    if (this.#first === null) {
      this.#first = source;
      this.#firstBits = bits;
    } else {
      this.#others.push(source);
      this.#otherBits.push(bits);
    }
  }

  /** Post the edges that were added. */
  post(): void {
    const first = this.#first;
    if (first === null) return;
    this.#first = null;
    if (this.#others.length === 0) {
      first.edge(this.#firstBits);
      return;
    }
    this.#postMany(
      [first, ...this.#others],
      [this.#firstBits, ...this.#otherBits],
    );
    this.#others.length = 0;
    this.#otherBits.length = 0;
  }

  #postMany(sources: readonly FdSource[], bits: readonly number[]): void {
    const bitsOf = new Map<Knote, number>();
    sources.forEach((source, i) => {
      for (const knote of source.knotes) bitsOf.set(knote, bits[i]);
    });
    const knotes = [...bitsOf].sort(([a], [b]) => b.serial - a.serial);
    for (const [knote, bits] of knotes) knote.source?.post(knote, bits);
  }
}
