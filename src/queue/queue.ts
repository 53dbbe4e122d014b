import {
  checkFd,
  currentWords,
  KeventList,
  kevent,
  kqueue,
  memoryOf,
  owned,
} from '../calls/index.js';
import { KqueueError, misuse } from '../errors.js';
import { watch } from '../ffi/index.js';
import { hostDialect, type LoopDriver } from '../host/index.js';
import {
  encode,
  filterAt,
  flagsAt,
  INSPECT,
  type InspectOptions,
  type KeventInit,
  unsignedAt,
} from '../memory/index.js';
import type { AbortSignalLike } from './abort-signal.js';
import type { Change, Key, Modification, Op, Step } from './change.js';
import { type ChangeResult, KqueueChangeError } from './change-error.js';
import { Changer } from './changer.js';
import { decoderOf } from './decoder.js';
import { type EncodedKey, encoderOf } from './encoder.js';
import type { KqueueEvent } from './event.js';
import { Inbox } from './inbox.js';
import { inspectQueue } from './inspect-queue.js';
import { iterate } from './iterator.js';
import { listen } from './listener.js';
import { oneEvent } from './one-event.js';
import {
  checkMax,
  checkOptions,
  checkSignal,
  checkTimeout,
  type EventsOptions,
  MAX_TIMEOUT,
  type NextOptions,
  type WaitOptions,
} from './options.js';
import { canLoopWatch, driver, isPollable } from './pollable.js';
import { Pump } from './pump.js';
import { type Registration, Registry } from './registry.js';
import { forgotten, owners, type Resources, release } from './resources.js';
import type { Subscription } from './subscription.js';

/** How many events are collected at a time, unless said otherwise. */
const BATCH = 64;
/** How often a poll is made again that a signal interrupts. */
const MOST_POLLS = 1000;
/** How many at most, however many are asked for. */
const MAX_BATCH = 1024;
/** As many changes as one call of kevent takes. */
const MAX_STEPS = 2 ** 20;
/** The descriptor that the constructor is to adopt. */
let adopted: number | undefined;

/**
 * A kernel event queue with typed changes and events, which can be awaited on
 * Node's own event loop: no thread, no polling.
 *
 * Each event goes to exactly one consumer. Those who wait asynchronously are
 * served first come, first served; a synchronous call is served at once. An
 * event that was collected and not given to anybody, because a loop ended or a
 * wait was aborted, stays in the queue for whoever asks next.
 *
 * A wait that nothing has answered yet keeps the process alive, unless the
 * queue is {@link unref}'d; a queue nobody waits for does not.
 *
 * @typeParam T What `udata` may be. It has to be given with every change
 * unless it may be undefined.
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
  readonly #resources: Resources;
  readonly #inbox: Inbox;
  readonly #registry: Registry;
  readonly #changer: Changer;
  readonly #pump: Pump;
  readonly #lists = new Map<number, KeventList>();
  readonly #decode = decoder().event;
  /** One-shot registrations whose event `fill` gave out. */
  #spent: Registration[] = [];
  /** Values of registrations that had ended before `fill` gave their event. */
  readonly #given = new Map<number | bigint, unknown>();

  /**
   * Create a queue.
   *
   * @throws {KqueueError} As {@link kqueue}.
   */
  constructor() {
    const fd = adopted ?? kqueue();
    this.#resources = { fd, watch: undefined, closed: false };
    owners.set(fd, this.#resources);
    owned.set(fd, closerOf(new WeakRef(this), this.#resources));
    this.#registry = new Registry(currentWords().widePointers);
    this.#inbox = new Inbox(this.#registry);
    this.#changer = new Changer(dialect(), encoder(), this.#registry);
    this.#pump = new Pump(
      {
        harvest: (max) => {
          this.#collect(this.#listOf(max), 0);
        },
        watch: () => {
          this.#resources.watch ??= watch(this.fd, driver(), canLoopWatch);
          return this.#resources.watch;
        },
      },
      this.#inbox,
    );
    forgotten.register(this, this.#resources, this.#resources);
  }

  /**
   * Take over a queue made with {@link kqueue}: from now on it is this
   * object's to close. Registrations it has already go on, without a value.
   *
   * @throws {TypeError | RangeError} If `fd` is no descriptor, or is another
   * Kqueue's.
   * @throws {KqueueError} `EBADF` if it is not an open queue.
   */
  static fromFd<T = unknown>(fd: number): Kqueue<T> {
    const action = 'adopt a queue';
    checkFd(action, 'fd', fd);
    kevent(fd, null, null, 0);
    if (owners.has(fd)) {
      throw new TypeError(misuse(action, 'fd', "no other Kqueue's", fd));
    }
    adopted = fd;
    try {
      return newKqueue();
    } finally {
      adopted = undefined;
    }
  }

  // ---- what it is ---------------------------------------------------------

  /** The queue's descriptor. It is the queue's to close. */
  get fd(): number {
    return this.#resources.fd;
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#resources.closed;
  }

  /** How many registrations it has, as far as it knows. */
  get size(): number {
    return this.#registry.size;
  }

  /**
   * Whether the descriptor is readable while events wait, so that it can be
   * watched by another queue or any event loop. Not so with libkqueue, and not
   * with a library that numbers its queues itself.
   */
  get pollable(): boolean {
    return isPollable();
  }

  /**
   * How it is watched while somebody waits: `'poll'`, a handle of the event
   * loop; or `'interval'`, by looking every 1 to 8 ms, where a handle cannot be
   * had safely: in worker threads, in Bun, and where it is not {@link pollable}.
   */
  get driver(): LoopDriver {
    return driver();
  }

  /** For util.inspect: its descriptor and its registrations. */
  [INSPECT](depth: number, options?: InspectOptions): string {
    // What only inherits from a queue has none.
    if (!(#resources in this)) return 'Kqueue {}';
    return inspectQueue(this, this.#registry.requests(), depth, options);
  }

  // ---- changes ------------------------------------------------------------

  /**
   * Register. What has the same filter and number as a registration there is
   * already replaces it.
   *
   * @throws {TypeError | RangeError} If a change is malformed: none is made.
   * @throws {KqueueChangeError} If the kernel refuses some; it makes the others.
   * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` for what this kernel has
   * not, `ERR_KQUEUE_CLOSED`: none is made.
   */
  add(...changes: readonly Change<T>[]): void {
    this.#mustApply(changes, 'add');
  }

  /**
   * Give registrations new parameters: notes, a low-water mark, a time; also a
   * value, if `udata` is there. A timer starts anew.
   *
   * @throws As {@link add}; `ENOENT` for what is not registered.
   */
  modify(...changes: readonly Modification<T>[]): void {
    this.#mustApply(changes, 'modify');
  }

  /**
   * Report again what was disabled. A timer starts anew on Darwin and Linux;
   * on FreeBSD and NetBSD its time goes on while it is disabled.
   *
   * @throws As {@link modify}.
   */
  enable(...keys: readonly Key[]): void {
    this.#mustApply(keys, 'enable');
  }

  /**
   * Report no more until enabled. What was collected already is still given.
   *
   * @throws As {@link modify}.
   */
  disable(...keys: readonly Key[]): void {
    this.#mustApply(keys, 'disable');
  }

  /**
   * End registrations. None of their events is given any more. Do so before
   * you close a descriptor: the kernel forgets it by itself, but the queue
   * does not hear of that, and keeps the value until the number is used again.
   *
   * @throws As {@link modify}.
   */
  delete(...keys: readonly Key[]): void {
    this.#mustApply(keys, 'delete');
  }

  /**
   * Trigger a `user` registration.
   *
   * @param fflags What the event's `fflags` will be: 24 bits. Left out, they
   * stay as they are.
   * @throws As {@link modify}.
   */
  trigger(id: number | bigint, fflags?: number): void {
    this.#checkOpen('change a queue');
    const errno = this.#change([this.#changer.trigger({ id, fflags })], null);
    // A refusal is told, and seen to, as those of all changes are.
    if (errno !== 0) this.#mustApply([{ id, fflags }], 'trigger');
  }

  /**
   * Make many changes with one call, and learn how each of them went: one that
   * fails does not keep the others from being made.
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
    if (!Array.isArray(steps)) {
      throw new TypeError(
        misuse('change a queue', 'steps', 'an array of changes', steps),
      );
    }
    // A Proxy of an array may say anything of its length, and a getter in one
    // step may change the array: what there is now is what is done.
    const count = steps.length >>> 0;
    if (count > MAX_STEPS) {
      throw new RangeError(
        misuse('change a queue', 'steps', 'at most 2**20 changes', count),
      );
    }
    const all = Array.from({ length: count }, (_, i) => steps[i]);
    return this.#apply(all) as unknown as ChangeResult<T>[];
  }

  /** Inside, values are of no known type. */
  #apply(steps: readonly object[], op?: Op): ChangeResult[] {
    this.#checkOpen('change a queue');
    return this.#changer.apply(steps as readonly Step[], this.#change, op);
  }

  #mustApply(steps: readonly object[], op: Op): void {
    const results = this.#apply(steps, op);
    if (results.every(({ ok }) => ok)) return;
    throw new KqueueChangeError(results.filter((result) => !result.ok));
  }

  /** Hand records over: 0 or an errno. A signal ends no more than a wait. */
  readonly #change = (
    records: readonly KeventInit[],
    entries: KeventList | null,
  ): number => {
    // A getter of a change may have closed it: the number is another's then.
    this.#checkOpen('change a queue');
    try {
      // Never for ever: where a receipt is not given, it would wait for events.
      kevent(this.fd, records, entries, 0);
      return 0;
    } catch (error) {
      if (!(error instanceof KqueueError && error.errno)) throw error;
      return error.code === 'EINTR' ? 0 : -error.errno;
    }
  };

  // ---- events, at once ----------------------------------------------------

  /**
   * Wait, blocking the thread with its timers, promises and signal handlers,
   * until there is an event or time runs out. A signal does not end the wait.
   *
   * @returns At least one event, or none if time ran out.
   * @throws {TypeError | RangeError} For a malformed option.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED`; `EBADF` if somebody else closed
   * the descriptor; `EINTR` only if a thousand looks without waiting are
   * interrupted one after the other.
   */
  wait(options: WaitOptions = {}): KqueueEvent<T>[] {
    const action = 'wait for events';
    checkOptions(options, action);
    const { timeout = null, max = BATCH } = options;
    this.#checkOpen(action);
    checkTimeout(timeout, action, MAX_TIMEOUT * 1000);
    checkMax(max, action);
    const deadline = deadlineOf(timeout);
    let left = timeout;
    while (this.#inbox.isEmpty) {
      const n = this.#collect(this.#listOf(max), left);
      // It may have been nothing but stale events.
      if (n === 0 || left === 0) break;
      if (left !== null) left = Math.max(0, deadline - performance.now());
    }
    return this.#take(max);
  }

  /**
   * The events that are ready, without waiting.
   *
   * @throws As {@link wait}.
   */
  poll(options: Pick<WaitOptions, 'max'> = {}): KqueueEvent<T>[] {
    checkOptions(options, 'wait for events');
    const { max = BATCH } = options;
    return this.wait({ timeout: 0, max });
  }

  /**
   * Wait, blocking, and leave the events as records in a list of your own:
   * for loops that must not allocate. Of each, {@link udataOf} has the value.
   * Stale events are not left out.
   *
   * @param timeout Milliseconds, or null for ever.
   * @returns How many entries were written.
   * @throws As {@link wait}.
   */
  fill(list: KeventList, timeout: number | null = null): number {
    const action = 'fill a list';
    this.#checkOpen(action);
    const memory = memoryOf(list, action, 'list', 'a KeventList');
    checkTimeout(timeout, action, MAX_TIMEOUT * 1000);
    this.#forgetSpent();
    if (!this.#inbox.isEmpty) {
      memory.length = 0;
      while (memory.length < memory.capacity) {
        const event = this.#inbox.shift();
        if (event === undefined) break;
        encode(memory, 'next', event.raw);
        this.#given.set(event.raw.udata, event.udata);
      }
      return memory.length;
    }
    const n = this.#call(list, timeout);
    const { EV_ONESHOT } = dialect().constants;
    for (let i = 0; i < n; i++) {
      const base = i * memory.words.stride;
      if ((flagsAt(memory, base) & EV_ONESHOT) === 0) continue;
      const at = base + memory.words.udata;
      const registration = this.#registry.at(memory, at);
      if (registration !== undefined) this.#spent.push(registration);
    }
    return n;
  }

  /**
   * The value of the registration that an entry of a filled list is of, until
   * the next call that collects; `undefined` if it has none or has ended.
   */
  udataOf(list: KeventList, index: number): T | undefined {
    memoryOf(list, 'read a KeventList', 'list', 'a KeventList');
    // Whatever its own methods have become.
    const token = KeventList.prototype.udata.call(list, index);
    const registration = this.#registry.byToken(token);
    const udata = registration?.udata ?? this.#given.get(token);
    return udata as T | undefined;
  }

  // ---- events, when they come ---------------------------------------------

  /**
   * The next event, without blocking.
   *
   * @returns `undefined` if time ran out or the queue was closed meanwhile.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED`; `EBADF` if somebody else closed
   * the descriptor. Like the signal's reason, as a rejection.
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
    let signal: AbortSignalLike | undefined;
    let timeout: number | null;
    try {
      const action = 'wait for an event';
      checkOptions(options, action);
      ({ signal, timeout = null } = options);
      this.#checkOpen(action);
      checkTimeout(timeout, action, MAX_TIMEOUT);
      checkSignal(signal, action);
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (this.#pump.tryTake(1)) {
        return Promise.resolve(this.#inbox.shift() as KqueueEvent<T>);
      }
    } catch (error) {
      return Promise.reject(error);
    }
    return oneEvent(this.#pump, signal, timeout) as Promise<
      KqueueEvent<T> | undefined
    >;
  }

  /** Event by event, until the loop is left or the queue is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<KqueueEvent<T>> {
    this.#checkOpen('iterate over events');
    return iterate(
      this.#pump,
      this.#inbox,
      BATCH,
      (inbox) => inbox.shift() as KqueueEvent<T>,
      () => this.closed,
    );
  }

  /**
   * Batch by batch, until the loop is left or the queue is closed.
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
    const action = 'iterate over events';
    checkOptions(options, action);
    const { signal, max = BATCH } = options;
    this.#checkOpen(action);
    checkMax(max, action);
    checkSignal(signal, action);
    return iterate(
      this.#pump,
      this.#inbox,
      max,
      (inbox) => inbox.take(max) as KqueueEvent<T>[],
      () => this.closed,
      signal,
    );
  }

  /**
   * Call a listener with every batch of events: the fastest way. What it
   * throws is an uncaught exception; it is called again all the same.
   *
   * @throws {TypeError | RangeError} For a malformed argument.
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED`.
   */
  on(
    listener: (events: KqueueEvent<T>[]) => void,
    options: EventsOptions = {},
  ): Subscription {
    const action = 'listen to events';
    checkOptions(options, action);
    const { signal, max = BATCH } = options;
    this.#checkOpen(action);
    checkMax(max, action);
    checkSignal(signal, action);
    if (typeof listener !== 'function') {
      throw new TypeError(misuse(action, 'listener', 'a function', listener));
    }
    const anyListener = listener as (events: KqueueEvent[]) => void;
    return listen(this.#pump, anyListener, max, signal);
  }

  /** A wait keeps the process alive: so it is unless {@link unref} is called. */
  ref(): this {
    this.#pump.reference(true);
    return this;
  }

  /** A wait does not keep the process alive. */
  unref(): this {
    this.#pump.reference(false);
    return this;
  }

  // ---- the end ------------------------------------------------------------

  /**
   * Close the queue. Who waits is answered: `next` with `undefined`, loops by
   * ending. Closing again does nothing.
   */
  close(): void {
    if (this.closed) return;
    forgotten.unregister(this.#resources);
    try {
      release(this.#resources);
    } finally {
      this.#pump.close();
      this.#inbox.clear();
      this.#registry.clear();
      this.#spent = [];
      this.#given.clear();
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

  // ---- collecting ---------------------------------------------------------

  #checkOpen(action: string): void {
    if (!this.closed) return;
    throw new KqueueError(
      `Cannot ${action} as the queue is closed`,
      'ERR_KQUEUE_CLOSED',
    );
  }

  #listOf(max: number): KeventList {
    const capacity = Math.min(max, MAX_BATCH);
    let list = this.#lists.get(capacity);
    if (list === undefined) {
      list = new KeventList(capacity);
      this.#lists.set(capacity, list);
    }
    return list;
  }

  /** kevent without changes, so that it can be repeated after a signal. */
  #call(list: KeventList, timeout: number | null): number {
    const deadline = deadlineOf(timeout);
    let polls = 0;
    for (let left = timeout; ; ) {
      try {
        return kevent(this.fd, null, list, left);
      } catch (error) {
        if (!(error instanceof KqueueError && error.code === 'EINTR')) {
          throw error;
        }
        // What is not to wait must not go on for ever either.
        if (left === 0 && ++polls > MOST_POLLS) throw error;
        if (left !== null) left = Math.max(0, deadline - performance.now());
      }
    }
  }

  /** Collect into the inbox: how many entries the kernel wrote. */
  #collect(list: KeventList, timeout: number | null): number {
    this.#forgetSpent();
    const n = this.#call(list, timeout);
    this.#deliver(list);
    return n;
  }

  /** Put the events of a list into the inbox, with their values. */
  #deliver(list: KeventList): void {
    const { EV_ERROR, EV_ONESHOT } = dialect().constants;
    const memory = memoryOf(list, 'deliver events', 'list', 'a KeventList');
    const { words, length } = memory;
    for (let i = 0; i < length; i++) {
      const base = i * words.stride;
      const flags = flagsAt(memory, base);
      let registration = this.#registry.at(memory, base + words.udata);
      let token: number | bigint;
      if (registration !== undefined) {
        token = registration.token;
      } else {
        token = unsignedAt(memory, base + words.udata);
        const filter = filterAt(memory, base);
        const ident = unsignedAt(memory, base + words.ident);
        const key = { filter, ident };
        const named = this.#registry.find(key);
        if (this.#registry.isStale(token)) {
          if (named === undefined) this.#deleteStale(key);
          continue;
        }
        // Triggered by who does not know the token: through another object.
        if (token === 0) registration = named;
      }
      const udata = registration?.udata;
      let event = this.#decode(memory, base, udata, token);
      // It has failed itself: what data says is not what its filter says.
      if ((flags & EV_ERROR) !== 0) {
        event = { filter: 'raw', udata, raw: event.raw };
      }
      this.#inbox.push(event, registration);
      if ((flags & EV_ONESHOT) !== 0 && registration !== undefined) {
        this.#registry.end(registration);
      }
    }
  }

  /** End what the kernel still has of a registration that has ended. */
  #deleteStale(key: EncodedKey): void {
    const { EV_DELETE } = dialect().constants;
    try {
      kevent(this.fd, [{ ...key, flags: EV_DELETE }], null, 0);
    } catch (error) {
      // It has ended by itself, as it does with a descriptor that is closed.
      if (!(error instanceof KqueueError)) throw error;
    }
  }

  #take(max: number): KqueueEvent<T>[] {
    return this.#inbox.take(max) as KqueueEvent<T>[];
  }

  #forgetSpent(): void {
    if (this.#given.size > 0) this.#given.clear();
    if (this.#spent.length === 0) return;
    for (const registration of this.#spent) this.#registry.end(registration);
    this.#spent = [];
  }
}

/** How its descriptor is closed, whether anybody still has the queue or not. */
const closerOf =
  (queue: WeakRef<Disposable>, resources: Resources) =>
  (isLost = false): void => {
    if (!isLost) {
      queue.deref()?.[Symbol.dispose]();
      release(resources);
      return;
    }
    resources.closed = true;
    owners.delete(resources.fd);
    owned.delete(resources.fd);
    resources.watch?.close();
  };

/** When a wait ends; the clock is not asked for one that does not wait. */
const deadlineOf = (timeout: number | null): number => {
  if (timeout === null) return Infinity;
  return timeout === 0 ? 0 : performance.now() + timeout;
};

/** Made at the first use: importing looks at nothing. */
const once = <Value>(make: () => Value): (() => Value) => {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

const dialect = once(hostDialect);
const encoder = once(() => encoderOf(dialect()));
const decoder = once(() => decoderOf(dialect()));

// Outside of the class: a bundler names a class that speaks of itself `_Kqueue`.
function newKqueue<T>(): Kqueue<T> {
  return new Kqueue<T>();
}
