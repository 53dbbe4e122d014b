import { currentWords, type KeventList, kqueue } from '../calls/index.js';
import type { LoopDriver } from '../host/index.js';
import { INSPECT, type InspectOptions } from '../memory/index.js';
import type { Change, Key, Modification, Step } from './change.js';
import type { ChangeResult } from './change-error.js';
import type { KqueueEvent } from './event.js';
import { parts } from './late-parts.js';
import type {
  EventsOptions,
  ListenerOptions,
  NextOptions,
  WaitOptions,
} from './options.js';
import type { QueueChanges } from './queue-changes.js';
import type { QueueEvents } from './queue-events.js';
import type { QueueHandle } from './queue-handle.js';
import type { Registry } from './registry.js';
import type { Subscription } from './subscription.js';
import type { Waker } from './waker.js';

/** The descriptor that `fromFd` passes to the constructor. */
let adoptedFd: number | undefined;

/**
 * A kernel event queue with typed changes and events. You can await it on Node's
 * own event loop, without a thread and without polling.
 *
 * Each event goes to exactly one consumer. Asynchronous consumers are served in
 * the order in which they began to wait; a synchronous call is served at once. If
 * a loop ends or a wait is aborted, events that were collected and not delivered
 * stay in the queue for the next consumer.
 *
 * A pending wait keeps the process alive, unless the queue is {@link unref}'d.
 * A queue without a pending wait does not.
 *
 * @typeParam T The type of `udata`. If it does not include `undefined`, every
 * change must have a `udata`.
 *
 * @example
 * ```ts
 * import { Kqueue } from 'kqueue-ffi';
 *
 * using kq = new Kqueue<string>();
 * kq.add(
 *   { filter: 'timer', id: 1, every: 100, udata: 'tick' },
 *   { filter: 'timer', id: 2, after: { ms: 350 }, udata: 'the end' },
 * );
 * for await (const event of kq) {
 *   console.log(event.udata);
 *   if (event.udata === 'the end') break;
 * }
 * ```
 */
export class Kqueue<T = unknown>
  implements AsyncIterable<KqueueEvent<T>>, Disposable, AsyncDisposable
{
  readonly #handle: QueueHandle;
  readonly #registry: Registry;
  readonly #changes: QueueChanges;
  readonly #events: QueueEvents;

  /**
   * Create a queue.
   *
   * @throws {KqueueError} As {@link kqueue}.
   */
  constructor() {
    const { QueueHandle, Registry, QueueChanges, QueueEvents } = parts();
    this.#handle = new QueueHandle(adoptedFd ?? kqueue(), this);
    this.#registry = new Registry(currentWords().widePointers);
    this.#changes = new QueueChanges(this.#handle, this.#registry);
    this.#events = new QueueEvents(this.#handle, this.#registry, this);
  }

  /**
   * Adopt a queue made with {@link kqueue}. Closing this object closes the queue.
   * Existing registrations continue, without a value.
   *
   * @throws {TypeError | RangeError} If `fd` is not a descriptor, or belongs to
   * another Kqueue.
   * @throws {KqueueError} `EBADF` if it is not an open queue.
   */
  static fromFd<T = unknown>(fd: number): Kqueue<T> {
    parts().checkAdoptable(fd);
    adoptedFd = fd;
    try {
      return newKqueue();
    } finally {
      adoptedFd = undefined;
    }
  }

  /** The descriptor of the queue, which {@link close} closes. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** Whether the queue is closed. */
  get closed(): boolean {
    return this.#handle.isClosed;
  }

  /** The number of registrations. */
  get size(): number {
    return this.#registry.size;
  }

  /**
   * Whether {@link fd} is readable while events are pending, so that another queue
   * or an event loop can watch it. False with libkqueue, and with other libraries
   * whose queues are not descriptors of the kernel.
   */
  get pollable(): boolean {
    return parts().isPollable();
  }

  /**
   * How the queue waits asynchronously. `'poll'` uses a handle of the event loop.
   * `'interval'` polls every 1 to 8 ms: in worker threads, Bun and Deno, and if the
   * queue is not {@link pollable}.
   */
  get driver(): LoopDriver {
    return parts().currentDriver();
  }

  /** For util.inspect: the descriptor and the registrations. */
  [INSPECT](depth: number, options?: InspectOptions): string {
    // An object that only inherits from a queue has no private fields.
    if (!(#handle in this)) return 'Kqueue {}';
    return parts().inspectQueue(
      this,
      this.#registry.requests(),
      depth,
      options,
    );
  }

  /**
   * Add registrations. Each replaces an existing registration with the same filter
   * and key, options included.
   *
   * @throws {TypeError | RangeError} If a change is malformed. None is applied.
   * @throws {KqueueChangeError} If the kernel refuses some changes. The others are
   * applied.
   * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` if this kernel lacks a filter or
   * note; `ERR_KQUEUE_CLOSED` if the queue is closed. None is applied.
   */
  add(...changes: readonly Change<T>[]): void {
    this.#changes.applyAll(changes, 'add');
  }

  /**
   * Change the parameters of registrations: notes, low-water mark or time, and
   * `udata` if it is given. A timer restarts.
   *
   * @throws As {@link add}; `ENOENT` if there is no such registration.
   */
  modify(...changes: readonly Modification<T>[]): void {
    this.#changes.applyAll(changes, 'modify');
  }

  /**
   * Enable disabled registrations. A timer restarts on Darwin and Linux; on FreeBSD
   * and NetBSD it also runs while it is disabled.
   *
   * @throws As {@link modify}.
   */
  enable(...keys: readonly Key[]): void {
    this.#changes.applyAll(keys, 'enable');
  }

  /**
   * Disable registrations: they report no events until enabled. Events that were
   * collected before are still delivered.
   *
   * @throws As {@link modify}.
   */
  disable(...keys: readonly Key[]): void {
    this.#changes.applyAll(keys, 'disable');
  }

  /**
   * Delete registrations. None of their events is delivered any more.
   *
   * Delete a registration before you close its descriptor. The kernel drops it at
   * the close, but does not notify the queue, which then keeps the value until the
   * descriptor is reused.
   *
   * @throws As {@link modify}.
   */
  delete(...keys: readonly Key[]): void {
    this.#changes.applyAll(keys, 'delete');
  }

  /**
   * Trigger a `user` registration.
   *
   * @param fflags The `fflags` of the event: 24 bits. If omitted, they do not
   * change.
   * @throws As {@link modify}.
   */
  trigger(id: number | bigint, fflags?: number): void {
    this.#changes.trigger(id, fflags);
  }

  /**
   * Register a `user` event that any thread can trigger.
   *
   * @param id The ident of the registration; by default an unused one.
   * @returns A {@link Waker}. Send its `handle` to other threads.
   * @throws As {@link add}; on Linux also `EMFILE`.
   */
  waker(id?: number | bigint, udata?: T): Waker {
    return this.#changes.waker(id, udata);
  }

  /**
   * Apply many changes in one call. A step that the kernel refuses changes nothing
   * and does not prevent the others.
   *
   * @returns A result for each step, in order.
   * @throws {TypeError | RangeError} If a step is malformed. None is applied.
   * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` or `ERR_KQUEUE_CLOSED`. None is
   * applied.
   *
   * @example
   * ```ts
   * import { Kqueue } from 'kqueue-ffi';
   *
   * using kq = new Kqueue();
   * const results = kq.apply([
   *   { filter: 'timer', id: 1, every: 20 },
   *   { op: 'delete', filter: 'user', id: 7 },
   * ]);
   * for (const { ok, error } of results) console.log(ok, error?.code);
   * ```
   */
  apply(steps: readonly Step<T>[]): ChangeResult<T>[] {
    return this.#changes.apply(steps) as unknown as ChangeResult<T>[];
  }

  /**
   * Block the thread until there is an event or the time runs out. Timers, promises
   * and signal handlers do not run meanwhile. Signals do not end the wait.
   *
   * @returns At least one event, or none if the time ran out.
   * @throws {TypeError | RangeError} If an option is invalid.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED` if the queue is closed; `EBADF` if
   * other code closed the descriptor; `EINTR` only if signals interrupt a thousand
   * polls in a row.
   */
  wait(options: WaitOptions = {}): KqueueEvent<T>[] {
    return this.#events.wait(options) as KqueueEvent<T>[];
  }

  /**
   * Return the pending events, without waiting.
   *
   * @throws As {@link wait}.
   */
  poll(options: Pick<WaitOptions, 'max'> = {}): KqueueEvent<T>[] {
    return this.#events.poll(options) as KqueueEvent<T>[];
  }

  /**
   * Block as {@link wait} does, and write the events into your own list. It
   * allocates nothing. {@link udataOf} returns the value of an entry. Unlike other
   * methods, it does not drop events of registrations that have ended.
   *
   * @param timeout Milliseconds, or null to wait indefinitely.
   * @returns The number of entries written.
   * @throws As {@link wait}.
   */
  fill(list: KeventList, timeout: number | null = null): number {
    return this.#events.fill(list, timeout);
  }

  /**
   * Return the `udata` of an entry of a list that {@link fill} has filled. Call it
   * before the next call that collects events. It returns `undefined` if the
   * registration has no value, or has ended.
   */
  udataOf(list: KeventList, index: number): T | undefined {
    return this.#events.udataOf(list, index) as T | undefined;
  }

  /**
   * Wait asynchronously for the next event. All errors are rejections.
   *
   * @returns A promise of the event; `undefined` if the time ran out, or the queue
   * was closed during the wait.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED`; `EBADF` if other code closed the
   * descriptor. An abort rejects with the signal's reason.
   *
   * @example
   * ```ts
   * import { Kqueue } from 'kqueue-ffi';
   *
   * using kq = new Kqueue();
   * kq.add({ filter: 'timer', id: 1, after: { us: 500 } });
   * const event = await kq.next({ signal: AbortSignal.timeout(1000) });
   * console.log(event?.filter); // timer
   * ```
   */
  next(options: NextOptions = {}): Promise<KqueueEvent<T> | undefined> {
    type Next = Promise<KqueueEvent<T> | undefined>;
    return this.#events.next(options) as Next;
  }

  /** Iterate event by event, until the loop ends or the queue is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<KqueueEvent<T>> {
    type Events = AsyncIterableIterator<KqueueEvent<T>>;
    return this.#events.each() as Events;
  }

  /**
   * Iterate batch by batch, until the loop ends or the queue is closed.
   *
   * @throws {TypeError | RangeError} If an option is invalid.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED` if the queue is closed.
   *
   * @example
   * ```ts
   * import { Kqueue } from 'kqueue-ffi';
   *
   * using kq = new Kqueue();
   * kq.add({ filter: 'timer', id: 1, every: 10 });
   * const signal = AbortSignal.timeout(100);
   * try {
   *   for await (const events of kq.events({ signal })) console.log(events.length);
   * } catch (error) {
   *   if (error !== signal.reason) throw error;
   * }
   * ```
   */
  events(options: EventsOptions = {}): AsyncIterableIterator<KqueueEvent<T>[]> {
    type Batches = AsyncIterableIterator<KqueueEvent<T>[]>;
    return this.#events.batches(options) as Batches;
  }

  /**
   * Call a listener with every batch of events: the fastest way to consume them.
   * An error of the listener is an uncaught exception, and does not stop it. An
   * error of the queue stops it. Pass `onError` to handle that error, which is
   * uncaught as well otherwise.
   *
   * @throws {TypeError | RangeError} If an argument is invalid.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED` if the queue is closed.
   */
  on(
    listener: (events: KqueueEvent<T>[]) => void,
    options: ListenerOptions = {},
  ): Subscription {
    type Listener = (events: KqueueEvent[]) => void;
    return this.#events.listen(listener as Listener, options);
  }

  /** Let a pending wait keep the process alive. This is the default. */
  ref(): this {
    this.#events.setRef(true);
    return this;
  }

  /** Let the process exit while a wait is pending. */
  unref(): this {
    this.#events.setRef(false);
    return this;
  }

  /**
   * Close the queue. Pending `next()` calls resolve with `undefined`; `for
   * await` loops end. Closing twice is a no-op.
   */
  close(): void {
    try {
      this.#handle.closeFd();
    } finally {
      this.#events.close();
      this.#registry.clear();
    }
  }

  /** Close the queue: {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Close the queue: {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

// Outside the class: a bundler renames a class that refers to itself to `_Kqueue`.
function newKqueue<T>(): Kqueue<T> {
  return new Kqueue<T>();
}
