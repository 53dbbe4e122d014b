/**
 * Waits, oldest first. There is rarely more than one. An array that becomes
 * empty frees its memory, so the first wait is not in the array.
 */
export class WaitList<Wait> {
  #first: Wait | undefined;
  readonly #others: Wait[] = [];

  /** The oldest; `undefined` if there is none. */
  get first(): Wait | undefined {
    return this.#first;
  }

  add(wait: Wait): void {
    if (this.#first === undefined) this.#first = wait;
    else this.#others.push(wait);
  }

  /** Returns whether it was in the list. */
  delete(wait: Wait): boolean {
    if (wait === this.#first) {
      this.#first = this.#others.shift();
      return true;
    }
    const index = this.#others.indexOf(wait);
    if (index >= 0) this.#others.splice(index, 1);
    return index >= 0;
  }

  all(): readonly Wait[] {
    return this.#first === undefined ? [] : [this.#first, ...this.#others];
  }

  /** Remove and return all of them. */
  takeAll(): readonly Wait[] {
    const all = this.all();
    this.#first = undefined;
    this.#others.length = 0;
    return all;
  }
}
