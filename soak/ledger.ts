/** A promise of the library that was not kept. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Counts events, and stores the first violation. */
export class Ledger {
  readonly counts = new Map<string, number>();
  #failed: (violation: Violation) => void = () => {};
  /** Resolves with the first violation. */
  readonly failure: Promise<Violation>;

  constructor() {
    this.failure = new Promise((resolve) => {
      this.#failed = resolve;
    });
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** Report a violation. */
  violated(what: string): void {
    this.#failed(new Violation(what));
  }

  /** Report a violation if a condition does not hold. */
  check(holds: boolean, what: () => string): void {
    if (!holds) this.violated(what());
  }

  /** Wait for a promise. It is a violation if that takes half a minute. */
  async must<T>(promise: Promise<T>, what: string, ms = 30_000): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // First: cleaning up after it may fail too.
        this.violated(`${what}: lost`);
        reject(new Violation(`${what}: lost`));
      }, ms);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
