import { misuse } from '../errors.js';
import { kernel, signalNames, unsupported } from '../host/index.js';
import type { Op, SignalKey, Step } from './change.js';
import type { ChangeResult } from './change-error.js';
import { ffi } from './late.js';

const CATCHABLE = 'the name or the number of a signal that can be caught';

/**
 * Node's name of a signal that can be caught.
 *
 * @throws {RangeError} If it cannot be caught, at least not by Node.js.
 */
export function catchableName(number: number, action: string): NodeJS.Signals {
  const name = signalNames.get(number);
  if (name === undefined || name === 'SIGKILL' || name === 'SIGSTOP') {
    throw new RangeError(misuse(action, 'signal', CATCHABLE, name ?? number));
  }
  return name as NodeJS.Signals;
}

const ignoreSignal = (): void => {};

/**
 * The number of holders of each signal: Node.js warns of more than ten
 * listeners.
 */
const holders = new Map<NodeJS.Signals, number>();

function hold(name: NodeJS.Signals): void {
  const process = ffi().realProcess();
  // The program may have removed all listeners.
  if (!process.listeners(name).includes(ignoreSignal)) {
    process.on(name, ignoreSignal);
  }
  holders.set(name, (holders.get(name) ?? 0) + 1);
}

const hasListeners = (name: NodeJS.Signals): boolean =>
  ffi().realProcess().listenerCount(name) > 0;

function release(name: NodeJS.Signals): void {
  const left = (holders.get(name) ?? 0) - 1;
  holders.set(name, left);
  if (left === 0) ffi().realProcess().removeListener(name, ignoreSignal);
}

/** A step on a signal. */
interface SignalStep {
  readonly index: number;
  readonly op: Op;
  readonly number: number;
  readonly isCaught: boolean | undefined;
}

/**
 * The signals whose default action a queue suspends, because native kernels
 * only count signals. A signal is held from before its registration until after
 * its end.
 */
export class CaughtSignals {
  readonly #held = new Map<number, NodeJS.Signals>();

  /**
   * Apply steps, and hold the signals that they catch.
   *
   * @param numberOf The number of a step's signal.
   * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` in a worker thread.
   */
  during(
    steps: readonly object[],
    op: Op | undefined,
    numberOf: (step: SignalKey) => number,
    apply: () => ChangeResult[],
  ): ChangeResult[] {
    const own = signalSteps(steps, op, numberOf);
    const caught = own.filter(({ isCaught }) => isCaught);
    if (caught.length > 0 && !canCatch()) return apply();
    const meanwhile: NodeJS.Signals[] = [];
    try {
      for (const { number } of own) {
        // If a step replaces the registration that catches it on Linux, it must
        // not have its default action in between.
        const name = signalNames.get(number) as NodeJS.Signals | undefined;
        if (name === undefined || !hasListeners(name)) continue;
        hold(name);
        meanwhile.push(name);
      }
      for (const { number } of caught) {
        const name = catchableName(number, 'change a queue');
        hold(name);
        meanwhile.push(name);
      }
      const results = apply();
      for (const step of own) if (results[step.index].ok) this.#commit(step);
      return results;
    } finally {
      meanwhile.forEach(release);
    }
  }

  #commit({ op, number, isCaught }: SignalStep): void {
    const isKept = op === 'modify' && isCaught === undefined;
    if ((op !== 'add' && op !== 'modify') || isKept) return;
    const name = signalNames.get(number) as NodeJS.Signals | undefined;
    if (!isCaught || name === undefined) {
      this.release(number);
    } else if (!this.#held.has(number)) {
      hold(name);
      this.#held.set(number, name);
    }
  }

  /** The registration of a signal has ended. */
  release(number: number): void {
    const name = this.#held.get(number);
    if (name === undefined) return;
    this.#held.delete(number);
    release(name);
  }

  /** The queue is closed. */
  clear(): void {
    for (const number of [...this.#held.keys()]) this.release(number);
  }
}

/**
 * Node.js delivers signals to the main thread only. On Linux the kernel of this
 * package reports that itself.
 */
function canCatch(): boolean {
  if (ffi().isMainThread()) return true;
  if (kernel.name === 'linux') return false;
  throw unsupported(
    "Node.js catches signals in the main thread only, so there is no 'catch' in a worker",
  );
}

/** Whether steps change the registration of a signal. */
export const haveSignals = (steps: readonly object[]): boolean =>
  steps.some(
    (step) => (step as { filter?: unknown } | null)?.filter === 'signal',
  );

function signalSteps(
  steps: readonly object[],
  op: Op | undefined,
  numberOf: (step: SignalKey) => number,
): readonly SignalStep[] {
  const found: SignalStep[] = [];
  steps.forEach((each, index) => {
    const step = each as Step | null;
    if (step?.op === 'trigger' || step?.filter !== 'signal') return;
    const isCaught = 'catch' in step ? step.catch : undefined;
    const number = numberOf(step);
    found.push({ index, op: op ?? step.op ?? 'add', number, isCaught });
  });
  return found;
}
