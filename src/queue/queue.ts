import {
  checkFd,
  currentWords,
  fdOwners,
  type KeventList,
  kevent,
  kqueue,
} from '../calls/index.js';
import { misuse } from '../errors.js';
import type { LoopDriver } from '../host/index.js';
import { INSPECT, type InspectOptions } from '../memory/index.js';
import type { Change, Key, Modification, Step } from './change.js';
import type { ChangeResult } from './change-error.js';
import type { KqueueEvent } from './event.js';
import { inspectQueue } from './inspect-queue.js';
import type { EventsOptions, NextOptions, WaitOptions } from './options.js';
import { currentDriver, isPollable } from './pollable.js';
import { QueueChanges } from './queue-changes.js';
import { QueueEvents } from './queue-events.js';
import { QueueHandle } from './queue-handle.js';
import { Registry } from './registry.js';
import type { Subscription } from './subscription.js';
import type { Waker } from './waker.js';

/** The descriptor that `fromFd` passes to the constructor. */
let adoptedFd: number | undefined;

/**
 * A kernel event queue with typed changes and events, which can be awaited on
 * Node's own event loop: no thread, no polling.
 *
 * Each event goes to exactly one consumer. Asynchronous consumers are served
 * first come, first served; a synchronous call is served at once. An event that
 * was collected and not delivered, because a loop ended or a wait was aborted,
 * stays in the queue for the next consumer.
 *
 * A pending wait keeps the process alive, unless the queue is {@link unref}'d.
 * A queue without a pending wait does not.
 *
 * @typeParam T What `udata` may be. Every change must have it unless it may be
 * undefined.
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
    this.#handle = new QueueHandle(adoptedFd ?? kqueue(), this);
    this.#registry = new Registry(currentWords().widePointers);
    this.#changes = new QueueChanges(this.#handle, this.#registry);
    this.#events = new QueueEvents(this.#handle, this.#registry, this);
  }

  /**
   * Adopt a queue made with {@link kqueue}: this object closes it. Existing
   * registrations continue, without a value.
   *
   * @throws {TypeError | RangeError} If `fd` is no descriptor, or is another
   * Kqueue's.
   * @throws {KqueueError} `EBADF` if it is not an open queue.
   */
  static fromFd<T = unknown>(fd: number): Kqueue<T> {
    const action = 'adopt a queue';
    checkFd(action, 'fd', fd);
    kevent(fd, null, null, 0);
    if (fdOwners.has(fd)) {
      throw new TypeError(misuse(action, 'fd', "no other Kqueue's", fd));
    }
    adoptedFd = fd;
    try {
      return newKqueue();
    } finally {
      adoptedFd = undefined;
    }
  }

  /** The queue's descriptor. The queue closes it. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** Whether the queue is closed. */
  get closed(): boolean {
    return this.#handle.isClosed;
  }

  /** How many registrations the queue knows of. */
  get size(): number {
    return this.#registry.size;
  }

  /**
   * Whether the descriptor is readable while events are pending, so that
   * another queue or any event loop can watch it. False with libkqueue, and
   * with a library that numbers its queues itself.
   */
  get pollable(): boolean {
    return isPollable();
  }

  /**
   * How the queue waits asynchronously: `'poll'`, with a handle of the event
   * loop; or `'interval'`, by polling every 1 to 8 ms, where such a handle is
   * not safe: in Bun, in Deno, where it is not {@link pollable}, and, but on
   * Linux, in worker threads.
   */
  get driver(): LoopDriver {
    return currentDriver();
  }

  /** For util.inspect: its descriptor and its registrations. */
  [INSPECT](depth: number, options?: InspectOptions): string {
    // An object that only inherits from a queue has no private fields.
    if (!(#handle in this)) return 'Kqueue {}';
    return inspectQueue(this, this.#registry.requests(), depth, options);
  }

  /**
   * Register. A change replaces the registration with the same filter and
   * ident, if there is one.
   *
   * @throws {TypeError | RangeError} If a change is malformed: none is made.
   * @throws {KqueueChangeError} If the kernel refuses some; it makes the others.
   * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` for what this kernel lacks,
   * `ERR_KQUEUE_CLOSED`: none is made.
   */
  add(...changes: readonly Change<T>[]): void {
    this.#changes.applyAll(changes, 'add');
  }

  /**
   * Give registrations new parameters: notes, a low-water mark, a time; also a
   * value, if there is a `udata`. A timer restarts.
   *
   * @throws As {@link add}; `ENOENT` for what is not registered.
   */
  modify(...changes: readonly Modification<T>[]): void {
    this.#changes.applyAll(changes, 'modify');
  }

  /**
   * Report events of disabled registrations again. A timer restarts on Darwin
   * and Linux; on FreeBSD and NetBSD it runs while it is disabled.
   *
   * @throws As {@link modify}.
   */
  enable(...keys: readonly Key[]): void {
    this.#changes.applyAll(keys, 'enable');
  }

  /**
   * Report no events until enabled. Pending events are still delivered.
   *
   * @throws As {@link modify}.
   */
  disable(...keys: readonly Key[]): void {
    this.#changes.applyAll(keys, 'disable');
  }

  /**
   * End registrations. None of their events is delivered any more. Do so before
   * you close a descriptor: the kernel then drops the registration by itself,
   * but the queue is not notified, and keeps the value until the descriptor is
   * reused.
   *
   * @throws As {@link modify}.
   */
  delete(...keys: readonly Key[]): void {
    this.#changes.applyAll(keys, 'delete');
  }

  /**
   * Trigger a `user` registration.
   *
   * @param fflags The `fflags` of the event: 24 bits. If omitted, they stay as
   * they are.
   * @throws As {@link modify}.
   */
  trigger(id: number | bigint, fflags?: number): void {
    this.#changes.trigger(id, fflags);
  }

  /**
   * Register a `user` event that any thread can trigger: {@link Waker}.
   *
   * @param id Its ident; by default one that is free.
   * @throws As {@link add}; on Linux also `EMFILE`.
   */
  waker(id?: number | bigint, udata?: T): Waker {
    return this.#changes.waker(id, udata);
  }

  /**
   * Make many changes with one call and get a result for each. A change that
   * fails does not prevent the others.
   *
   * @returns A result for each step, in their order.
   * @throws {TypeError | RangeError} If a step is malformed: none is made.
   * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED`, `ERR_KQUEUE_CLOSED`: none
   * is made.
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
   * Block the thread, with its timers, promises and signal handlers, until
   * there is an event or time runs out. A signal does not end the wait.
   *
   * @returns At least one event, or none if time ran out.
   * @throws {TypeError | RangeError} For a malformed option.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED`; `EBADF` if other code closed the
   * descriptor; `EINTR` only if signals interrupt a thousand polls in a row.
   */
  wait(options: WaitOptions = {}): KqueueEvent<T>[] {
    return this.#events.wait(options) as KqueueEvent<T>[];
  }

  /**
   * The events that are ready, without waiting.
   *
   * @throws As {@link wait}.
   */
  poll(options: Pick<WaitOptions, 'max'> = {}): KqueueEvent<T>[] {
    return this.#events.poll(options) as KqueueEvent<T>[];
  }

  /**
   * Block as {@link wait} does, and leave the events as records in your own
   * list: for loops that must not allocate. {@link udataOf} has their values.
   * Stale events are not left out.
   *
   * @param timeout Milliseconds, or null for ever.
   * @returns How many entries were written.
   * @throws As {@link wait}.
   */
  fill(list: KeventList, timeout: number | null = null): number {
    return this.#events.fill(list, timeout);
  }

  /**
   * The value of the registration that an entry of a filled list belongs to.
   * It is known until the next call that collects; `undefined` if there is
   * none, or the registration has ended.
   */
  udataOf(list: KeventList, index: number): T | undefined {
    return this.#events.udataOf(list, index) as T | undefined;
  }

  /**
   * Wait asynchronously for the next event.
   *
   * @returns `undefined` if time ran out or the queue was closed meanwhile.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED`; `EBADF` if other code closed the
   * descriptor. Like the signal's reason, as a rejection.
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
   * @throws {TypeError | RangeError} For a malformed option.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED`.
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
   * Call a listener with every batch of events: the fastest way. An exception
   * of the listener is an uncaught exception, and does not stop it.
   *
   * @throws {TypeError | RangeError} For a malformed argument.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED`.
   */
  on(
    listener: (events: KqueueEvent<T>[]) => void,
    options: EventsOptions = {},
  ): Subscription {
    type Listener = (events: KqueueEvent[]) => void;
    return this.#events.listen(listener as Listener, options);
  }

  /** Let a pending wait keep the process alive, as is the default. */
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

  /** As {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** As {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

// Outside the class: a bundler renames a class that refers to itself `_Kqueue`.
function newKqueue<T>(): Kqueue<T> {
  return new Kqueue<T>();
}
