import { type KeventList, keventOn } from '../calls/index.js';
import { KqueueError, misuse } from '../errors.js';
import type { KeventInit } from '../memory/index.js';
import { haveSignals } from './caught-signals.js';
import type { Key, Op, Step } from './change.js';
import { type ChangeResult, KqueueChangeError } from './change-error.js';
import { Changer } from './changer.js';
import { runningDialect, runningEncoder } from './codec.js';
import type { QueueHandle } from './queue-handle.js';
import type { Registry } from './registry.js';
import { rehearse } from './rehearsal.js';
import { createWaker, type Waker } from './waker.js';

const ACTION = 'change a queue';
/** The maximum number of changes of one kevent call. */
const MAX_STEPS = 2 ** 20;
/** The first ident of wakers without an ident. */
const FIRST_WAKER = 0x77616b65;

/** The changes of one queue: the calls of kevent that collect no events. */
export class QueueChanges {
  readonly #handle: QueueHandle;
  readonly #changer: Changer;
  readonly #registry: Registry;

  constructor(handle: QueueHandle, registry: Registry) {
    this.#handle = handle;
    this.#registry = registry;
    const { EVFILT_SIGNAL } = runningDialect().constants;
    const { caught } = handle;
    registry.onRemoved = ({ request: { filter, ident } }) => {
      if (filter === EVFILT_SIGNAL) caught.release(Number(ident));
    };
    this.#changer = new Changer(
      runningDialect(),
      runningEncoder(),
      registry,
      (record) => rehearse(record, handle.queue),
    );
  }

  /** {@link Kqueue.apply} */
  apply(steps: readonly unknown[]): ChangeResult[] {
    if (!Array.isArray(steps)) {
      throw new TypeError(
        misuse(ACTION, 'steps', 'an array of changes', steps),
      );
    }
    // A Proxy may report any length, and a getter of a step may change the
    // array: copy it first.
    const count = steps.length >>> 0;
    if (count > MAX_STEPS) {
      throw new RangeError(
        misuse(ACTION, 'steps', 'at most 2**20 changes', count),
      );
    }
    return this.#apply(Array.from({ length: count }, (_, i) => steps[i]));
  }

  /** Apply all steps. @throws {KqueueChangeError} If the kernel refuses some. */
  applyAll(steps: readonly object[], op: Op): void {
    const results = this.#apply(steps, op);
    if (results.every(({ ok }) => ok)) return;
    throw new KqueueChangeError(results.filter((result) => !result.ok));
  }

  /** {@link Kqueue.trigger} */
  trigger(id: number | bigint, fflags: number | undefined): void {
    this.#handle.checkOpen(ACTION);
    const errno = this.#send([this.#changer.trigger({ id, fflags })], null);
    // The slow path handles a refusal like that of any other change.
    if (errno !== 0) this.applyAll([{ id, fflags }], 'trigger');
  }

  /** {@link Kqueue.waker} */
  waker(id: number | bigint | undefined, udata: unknown): Waker {
    const user = { filter: 'user', id: id ?? this.#freeId() } as const;
    this.applyAll([{ ...user, udata }], 'add');
    const { fd, wakers: closers } = this.#handle;
    const remove = (): void => this.applyAll([user], 'delete');
    const trigger = (): void => this.trigger(user.id, undefined);
    try {
      return createWaker({ fd, closers, trigger, delete: remove }, user.id);
    } catch (error) {
      remove();
      throw error;
    }
  }

  /** An ident that no `user` registration has. */
  #freeId(): number {
    const filter = runningDialect().constants.EVFILT_USER;
    let ident = FIRST_WAKER;
    while (this.#registry.find({ filter, ident })) ident++;
    return ident;
  }

  #apply(steps: readonly object[], op?: Op): ChangeResult[] {
    this.#handle.checkOpen(ACTION);
    const apply = (): ChangeResult[] =>
      this.#changer.apply(steps as readonly Step[], this.#send, op);
    if (!haveSignals(steps)) return apply();
    const numberOf = (key: Key): number =>
      Number(runningEncoder().key(key).ident);
    return this.#handle.caught.during(steps, op, numberOf, apply);
  }

  /** Send records to the kernel: 0 or an errno. */
  readonly #send = (
    records: readonly KeventInit[],
    entries: KeventList | null,
  ): number => {
    // A getter of a change may have closed the queue, and the descriptor may be
    // another file now.
    this.#handle.checkOpen(ACTION);
    try {
      // Without a receipt, an infinite timeout would wait for events.
      keventOn(this.#handle.queue, records, entries, 0);
      return 0;
    } catch (error) {
      if (!(error instanceof KqueueError && error.errno)) throw error;
      // A signal only ends the wait. The changes are applied.
      return error.code === 'EINTR' ? 0 : -error.errno;
    }
  };
}
