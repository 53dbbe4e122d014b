import type { KeventList } from '../calls/index.js';
import { type KqueueError, misuse } from '../errors.js';
import type { AbortSignalLike } from './abort-signal.js';
import { Collector } from './collector.js';
import type { KqueueEvent } from './event.js';
import { iterate } from './iterator.js';
import { listen } from './listener.js';
import { waitForEvent } from './one-event.js';
import {
  checkMax,
  checkOptions,
  checkSignal,
  checkTimeout,
  DEFAULT_MAX,
  type EventsOptions,
  type ListenerOptions,
  MAX_TIMEOUT,
  type NextOptions,
  type WaitOptions,
} from './options.js';
import { PendingEvents } from './pending-events.js';
import { Pump } from './pump.js';
import type { LossListener, QueueHandle } from './queue-handle.js';
import type { Registry } from './registry.js';
import type { Subscription } from './subscription.js';

const ITERATE = 'iterate over events';

/** The events of one queue: every way to consume them. */
export class QueueEvents implements LossListener {
  readonly #handle: QueueHandle;
  readonly #pending: PendingEvents;
  readonly #collector: Collector;
  readonly #pump: Pump;

  /** @param queue The Kqueue: while a wait is pending it stays alive. */
  constructor(handle: QueueHandle, registry: Registry, queue: object) {
    this.#handle = handle;
    this.#pending = new PendingEvents();
    this.#collector = new Collector(handle.queue, registry, this.#pending);
    this.#pump = new Pump(
      {
        queue,
        collect: (max) => this.#collector.collect(max, 0),
        watch: () => this.#handle.watch(),
        check: () => this.#handle.checkDescriptor(),
      },
      this.#pending,
    );
    handle.onLoss(this);
  }

  /** {@link Kqueue.wait} */
  wait(options: WaitOptions): KqueueEvent[] {
    const action = 'wait for events';
    checkOptions(options, action);
    const { timeout = null, max = DEFAULT_MAX } = options;
    this.#handle.checkOpen(action);
    checkTimeout(timeout, action, MAX_TIMEOUT * 1000);
    checkMax(max, action);
    this.#collector.wait(max, timeout);
    return this.#pending.shiftMany(max);
  }

  /** {@link Kqueue.poll} */
  poll(options: WaitOptions): KqueueEvent[] {
    checkOptions(options, 'wait for events');
    return this.wait({ timeout: 0, max: options.max });
  }

  /** {@link Kqueue.fill} */
  fill(list: KeventList, timeout: number | null): number {
    this.#handle.checkOpen('fill a list');
    return this.#collector.fill(list, timeout);
  }

  /** {@link Kqueue.udataOf} */
  udataOf(list: KeventList, index: number): unknown {
    return this.#collector.udataOf(list, index);
  }

  /** {@link Kqueue.next} */
  next(options: NextOptions): Promise<KqueueEvent | undefined> {
    try {
      const action = 'wait for an event';
      checkOptions(options, action);
      const { signal, timeout = null } = options;
      this.#handle.checkOpen(action);
      checkTimeout(timeout, action, MAX_TIMEOUT);
      checkSignal(signal, action);
      if (signal?.aborted) return Promise.reject(signal.reason);
      return this.#pump.tryCollect(1)
        ? Promise.resolve(this.#pending.shift())
        : waitForEvent(this.#pump, signal, timeout);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Iterate event by event: {@link Kqueue}. */
  each(): AsyncIterableIterator<KqueueEvent> {
    this.#handle.checkOpen(ITERATE);
    return iterate(
      this.#pump,
      this.#pending,
      DEFAULT_MAX,
      (pending) => pending.shift() as KqueueEvent,
      () => this.#hasEnded(),
    );
  }

  /** {@link Kqueue.events} */
  batches(options: EventsOptions): AsyncIterableIterator<KqueueEvent[]> {
    const { signal, max } = this.#checkOptions(options, ITERATE);
    return iterate(
      this.#pump,
      this.#pending,
      max,
      (pending) => pending.shiftMany(max),
      () => this.#hasEnded(),
      signal,
    );
  }

  /** {@link Kqueue.on} */
  listen(
    listener: (events: KqueueEvent[]) => void,
    options: ListenerOptions,
  ): Subscription {
    const action = 'listen to events';
    const { signal, max } = this.#checkOptions(options, action);
    const { onError } = options;
    if (typeof listener !== 'function') {
      throw new TypeError(misuse(action, 'listener', 'a function', listener));
    }
    if (onError !== undefined && typeof onError !== 'function') {
      throw new TypeError(misuse(action, 'onError', 'a function', onError));
    }
    return listen(this.#pump, listener, max, { signal, onError });
  }

  /** Whether pending waits keep the process alive. */
  setRef(isReferenced: boolean): void {
    this.#pump.setRef(isReferenced);
  }

  /** Fail all waits. */
  lose(error: KqueueError): void {
    this.#pump.fail(error);
  }

  /** End all waits, and drop what is pending. */
  close(): void {
    this.#pump.close();
    this.#pending.clear();
    this.#collector.clear();
  }

  /** @throws {KqueueError} `EBADF` if other code closed the descriptor. */
  #hasEnded(): boolean {
    const { isClosed, isLost } = this.#handle;
    if (isLost) this.#handle.checkOpen(ITERATE);
    return isClosed;
  }

  #checkOptions(
    options: EventsOptions,
    action: string,
  ): { readonly signal: AbortSignalLike | undefined; readonly max: number } {
    checkOptions(options, action);
    const { signal, max = DEFAULT_MAX } = options;
    this.#handle.checkOpen(action);
    checkMax(max, action);
    checkSignal(signal, action);
    return { signal, max };
  }
}
