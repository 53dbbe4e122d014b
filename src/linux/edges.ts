import type { Knote } from './knote.js';
import type { FdSource } from './source.js';

/**
 * The edges of one drain. One operation can make several descriptors of an open
 * file ready. epoll reports them one by one; Darwin posts all knotes of the
 * file, newest first (rule T1).
 */
export class Edges {
  readonly #sources: FdSource[] = [];
  readonly #bits: number[] = [];

  /** Add an edge. First post the edges of another file. */
  add(source: FdSource, bits: number): void {
    if (this.#sources.length > 0 && !this.#sources[0].isSameFileAs(source)) {
      this.post();
    }
    source.note(bits);
    this.#sources.push(source);
    this.#bits.push(bits);
  }

  /** Post the edges that were added. */
  post(): void {
    const sources = this.#sources;
    if (sources.length === 0) return;
    if (sources.length === 1) sources[0].edge(this.#bits[0]);
    else this.#postMany();
    sources.length = 0;
    this.#bits.length = 0;
  }

  #postMany(): void {
    const bitsOf = new Map<Knote, number>();
    this.#sources.forEach((source, i) => {
      for (const knote of source.knotes) bitsOf.set(knote, this.#bits[i]);
    });
    const knotes = [...bitsOf].sort(([a], [b]) => b.serial - a.serial);
    for (const [knote, bits] of knotes) knote.source?.post(knote, bits);
  }
}
