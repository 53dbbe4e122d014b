import { KqueueError } from '../errors.js';
import {
  type FdLike,
  fdOf,
  type KqueueEvent,
  type ReadEvent,
} from '../queue/index.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
  type Source,
} from './event-iterator.js';
import { type Member, SharedQueue } from './shared-queue.js';

/** There is something to read: {@link readable}. */
export interface ReadReady {
  readonly fd: number;
  /**
   * How many bytes can be read, or connections accepted; for a file, how far
   * its end is from the position. As the `available` of a read event.
   */
  readonly available: number;
  /** @deprecated The name of `available` before 0.1.0. The next version drops it. */
  readonly bytes: number;
  /** The other side will send no more. */
  readonly eof: boolean;
  /** With `eof`, the name of the socket's error, if it has one. */
  readonly error: string | undefined;
}

/** Like a plain object, with the deprecated name as a getter of the prototype. */
class ReadReadiness implements ReadReady {
  declare readonly fd: number;
  declare readonly available: number;
  declare readonly eof: boolean;
  declare readonly error: string | undefined;

  static {
    Object.defineProperty(ReadReadiness.prototype, 'constructor', {
      value: Object,
    });
  }

  constructor(fd: number, { available, eof, error }: ReadEvent) {
    this.fd = fd;
    this.available = available;
    this.eof = eof;
    this.error = error;
  }

  get bytes(): number {
    return this.available;
  }
}

/** There is space to write: {@link writable}. */
export interface WriteReady {
  readonly fd: number;
  /** How many bytes can be written. */
  readonly space: number;
  /** The other side will take no more. */
  readonly eof: boolean;
  /** With `eof`, the name of the socket's error, if it has one. */
  readonly error: string | undefined;
}

/** A queue, and the registrations that somebody has in it. */
interface Place {
  readonly queue: SharedQueue;
  readonly taken: Set<string>;
}

const newPlace = (): Place => ({ queue: new SharedQueue(), taken: new Set() });

/** Where all have their registrations, if they can. */
const home: Place = /* @__PURE__ */ newPlace();

/** More of them, for when several ask about one descriptor. */
const others: Place[] = [];

/** A place that has no such registration. */
function placeFor(name: string): Place {
  const free = [home, ...others].find(({ taken }) => !taken.has(name));
  if (free !== undefined) return free;
  const place = newPlace();
  others.push(place);
  return place;
}

/** Somebody who asks. */
interface Asking<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
  /** Ask no more. */
  end(): void;
}

/**
 * A source of readiness. It is registered only while somebody asks, so what
 * nobody asks for costs nothing, and each answer is of the time of asking.
 *
 * @param toValue `undefined` for an event that is none of its own.
 */
function readiness<T>(
  filter: 'read' | 'write',
  fd: number,
  toValue: (event: KqueueEvent) => T | undefined,
  isLast: (value: T) => boolean,
): Source<T> {
  const name = `${filter} ${fd}`;
  let asking: Asking<T> | undefined;
  let over = false;

  const member: Member = {
    tell(event) {
      const value = toValue(event);
      if (value === undefined || asking === undefined) return;
      over = isLast(value);
      asking.resolve(value);
    },
    fail: (error) => asking?.reject(error),
  };
  // Kept, so that not every question makes a queue.
  home.queue.join(member);

  const ask = (
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): void => {
    const { queue, taken } = placeFor(name);
    const kq = queue.join(member);
    const leave = (): void => {
      if (queue !== home.queue) queue.leave(member);
    };
    try {
      kq.add({ filter, fd, oneshot: true, udata: member });
    } catch (error) {
      leave();
      throw error;
    }
    taken.add(name);
    queue.wait();
    const settle = (): void => {
      asking = undefined;
      taken.delete(name);
      queue.rest();
      leave();
    };
    asking = {
      resolve(value) {
        settle();
        resolve(value);
      },
      reject(error) {
        settle();
        reject(error);
      },
      end() {
        try {
          kq.delete({ filter, fd });
        } catch (error) {
          // The descriptor was closed first.
          if (!(error instanceof KqueueError)) throw error;
        } finally {
          settle();
        }
      },
    };
  };

  return {
    pull: () =>
      over
        ? Promise.resolve(undefined)
        : new Promise<T>((resolve, reject) => ask(resolve, reject)),
    close() {
      asking?.end();
      home.queue.leave(member);
    },
  };
}

/** {@link readable}, loaded when it is first called. */
export function readable(
  fd: FdLike,
  options: IteratorOptions = {},
): EventIterator<ReadReady> {
  const action = 'wait for something to read';
  const number = fdOf(fd, action);
  return eventIterator(action, options, () =>
    readiness<ReadReady>(
      'read',
      number,
      (event) =>
        event.filter === 'read' ? new ReadReadiness(number, event) : undefined,
      ({ available, eof }) => eof && available <= 0,
    ),
  );
}

/** {@link writable}, loaded when it is first called. */
export function writable(
  fd: FdLike,
  options: IteratorOptions = {},
): EventIterator<WriteReady> {
  const action = 'wait for space to write';
  const number = fdOf(fd, action);
  return eventIterator(action, options, () =>
    readiness<WriteReady>(
      'write',
      number,
      (event) =>
        event.filter === 'write'
          ? {
              fd: number,
              space: event.space,
              eof: event.eof,
              error: event.error,
            }
          : undefined,
      ({ eof }) => eof,
    ),
  );
}
