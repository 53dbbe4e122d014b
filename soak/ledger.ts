/** A promise of the library's that was not kept. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Counts what happens, and remembers the first promise that was not kept. */
export class Ledger {
  readonly counts = new Map<string, number>();
  #failed: (violation: Violation) => void = () => {};
  /** Resolves with the first violation, if there ever is one. */
  readonly failure: Promise<Violation>;

  constructor() {
    this.failure = new Promise((resolve) => {
      this.#failed = resolve;
    });
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** Say that something is wrong. */
  violated(what: string): void {
    this.#failed(new Violation(what));
  }

  /** Something that must hold. */
  check(holds: boolean, what: () => string): void {
    if (!holds) this.violated(what());
  }

  /** Wait for what has to come; half a minute without it is a violation. */
  async must<T>(promise: Promise<T>, what: string, ms = 30_000): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Violation(`${what}: lost`)), ms);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
