import {
  EV_ERROR,
  KeventList,
  type Key,
  Kqueue,
  type KqueueEvent,
  type RawEvent,
} from 'kqueue-ffi';
import type { Ledger } from './ledger.js';
import type { Random } from './random.js';

/** The `udata` of a registration: its name, its end, and its handler. */
export interface Mark {
  readonly what: string;
  /** When it ended. */
  ended: Moment | undefined;
  /** Handle an event. It is decoded, unless it was read as a record. */
  handle(raw: RawEvent, event?: KqueueEvent<Mark>): void;
}

/** A time that stops while the event loop is blocked. */
export interface Moment {
  /** The number of expirations of a timer of 10 ms. */
  readonly turn: number;
  /** The number of heartbeat events, which gives the order of other events. */
  readonly beat: number;
  /** The registration was deleted: no event may follow. */
  readonly isDeleted: boolean;
}

/** A queue that all scenarios share. Its events are consumed in every way. */
export interface SharedQueue {
  readonly kq: Kqueue<Mark>;
  /** Delete registrations. None of their events may follow. */
  end(mark: Mark, ...keys: readonly Key[]): void;
  /**
   * The descriptor of a registration is about to be closed. `isDeleted` if the
   * registration was deleted before.
   */
  lose(mark: Mark, isDeleted?: boolean): void;
  /** Consume events until it is closed. */
  serve(): Promise<void>;
  close(): void;
}

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

export function openSharedQueue(random: Random, ledger: Ledger): SharedQueue {
  const kq = new Kqueue<Mark>();
  let closing = false;

  const handle = (
    mark: Mark,
    raw: RawEvent,
    event?: KqueueEvent<Mark>,
  ): void => {
    try {
      mark.handle(raw, event);
    } catch (error) {
      ledger.violated(`${mark.what}: ${error}`);
    }
  };

  let turns = 0;
  let beats = 0;
  const clock = setInterval(() => turns++, 10);

  /**
   * Whether an event may still follow. One that was collected before its
   * descriptor was closed may, but not after events that were collected later. A
   * promise may deliver one until the end of the turn.
   */
  const mayCome = (
    { turn, beat, isDeleted }: Moment,
    inPromise: boolean,
  ): boolean =>
    isDeleted
      ? inPromise && turns - turn < 3
      : turns - turn < 3 || beats - beat < 3;

  /** Handle the events of one call. A handler may end registrations of others. */
  const dispatch = (
    events: readonly KqueueEvent<Mark>[],
    inPromise = false,
  ): void => {
    for (const { udata, filter } of events) {
      ledger.count(filter);
      const { ended } = udata;
      if (ended !== undefined && !mayCome(ended, inPromise)) {
        ledger.violated(
          `${udata.what}: a ${filter} event after its end: ${JSON.stringify({ ...ended, turns, beats, inPromise })}`,
        );
      }
    }
    for (const event of events) {
      if (event.udata.ended === undefined) {
        handle(event.udata, event.raw, event);
      }
    }
  };

  const list = new KeventList(32);

  /** Each way consumes for a while. No event may be lost when it stops. */
  const ways: readonly ((budget: number) => Promise<unknown>)[] = [
    async function byListener(budget) {
      let left = budget;
      let stopped = false;
      await new Promise<void>((resolve) => {
        const stop = (): void => {
          stopped = true;
          subscription.stop();
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(stop, random.int(1, 40));
        const subscription = kq.on(
          (events) => {
            ledger.check(!stopped, () => 'a listener was called after stop()');
            dispatch(events);
            left -= events.length;
            if (left <= 0) stop();
          },
          { max: random.pick([1, 8, 64, 200]) },
        );
      });
    },
    async function byLoop(budget) {
      let left = budget;
      for await (const event of kq) {
        dispatch([event], true);
        if (--left <= 0) break;
      }
    },
    async function byBatches(budget) {
      let left = budget;
      const signal = AbortSignal.timeout(random.int(1, 40));
      const max = random.pick([1, 16, 64]);
      try {
        for await (const events of kq.events({ signal, max })) {
          dispatch(events, true);
          left -= events.length;
          if (left <= 0) break;
        }
      } catch (error) {
        if (error !== signal.reason) throw error;
        ledger.count('aborts');
      }
    },
    async function byNext(budget) {
      for (let left = Math.min(budget, 200); left > 0; left--) {
        const controller = new AbortController();
        const { signal } = controller;
        const timeout = random.chance(0.5) ? random.int(0, 10) : null;
        const waiting = kq.next({ signal, timeout });
        if (random.chance(0.1)) {
          if (random.chance(0.5)) controller.abort();
          else setImmediate(() => controller.abort());
        }
        try {
          const event = await waiting;
          if (event !== undefined) dispatch([event], true);
          else if (kq.closed) return;
        } catch (error) {
          if (error !== signal.reason) throw error;
          ledger.count('aborts');
        }
      }
    },
    async function byPoll(budget) {
      for (let left = budget; left > 0 && !kq.closed; left -= 20) {
        dispatch(kq.poll({ max: random.pick([1, 64, 500]) }));
        await turn();
      }
    },
    async function byWait() {
      for (let i = random.int(1, 10); i > 0 && !kq.closed; i--) {
        dispatch(kq.wait({ timeout: random.below(3), max: 64 }));
        await turn();
      }
    },
    async function byRecords() {
      for (let i = random.int(1, 20); i > 0 && !kq.closed; i--) {
        const count = kq.fill(list, random.below(2));
        const marks: (Mark | undefined)[] = [];
        const records: RawEvent[] = [];
        for (let k = 0; k < count; k++) {
          marks.push(kq.udataOf(list, k));
          records.push(list.get(k));
        }
        for (const [k, mark] of marks.entries()) {
          ledger.count('records');
          // `fill` also returns events of registrations that have ended.
          if (mark === undefined || mark.ended !== undefined) continue;
          if ((records[k].flags & EV_ERROR) !== 0) continue;
          handle(mark, records[k]);
        }
        await turn();
      }
    },
    async function byAnotherQueue(budget) {
      using above = new Kqueue();
      above.add({ filter: 'read', fd: kq.fd });
      for (let left = Math.min(budget, 50); left > 0 && !kq.closed; left--) {
        if ((await above.next({ timeout: 20 })) === undefined) break;
        dispatch(kq.poll());
      }
    },
  ];

  const consume = async (): Promise<void> => {
    while (!closing) {
      const way = random.pick(ways);
      ledger.count(`consumed ${way.name}`);
      await way(random.int(1, 400));
      await turn();
    }
  };

  // There is always an event, so no wait is endless.
  const heart: Mark = {
    what: 'heartbeat',
    ended: undefined,
    handle: () => {
      beats++;
    },
  };
  kq.add({ filter: 'timer', id: 2 ** 40, every: 5, udata: heart });

  return {
    kq,
    end(mark, ...keys) {
      kq.delete(...keys);
      mark.ended = { turn: turns, beat: beats, isDeleted: true };
    },
    lose(mark, isDeleted = false) {
      mark.ended = { turn: turns, beat: beats, isDeleted };
    },
    async serve() {
      // Two consumers: each event goes to one of them.
      await Promise.all([consume(), consume()]);
    },
    close() {
      closing = true;
      clearInterval(clock);
      kq.close();
    },
  };
}
