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

/** The value of a registration: who asked for it, and whether it has ended. */
export interface Mark {
  readonly what: string;
  /** When it ended. */
  ended: Moment | undefined;
  /** An event, decoded unless it was taken as a record. */
  handle(raw: RawEvent, event?: KqueueEvent<Mark>): void;
}

/** Time in a house, which stands still while its event loop does. */
export interface Moment {
  /** Turns of the event loop, as far as they took 10 ms. */
  readonly turn: number;
  /** Heartbeats of the queue, the number of which tells what came later. */
  readonly beat: number;
  /** The queue was told: from then on, nothing. */
  readonly told: boolean;
}

/** A queue that all share, whose events are consumed now this way, now that. */
export interface House {
  readonly kq: Kqueue<Mark>;
  /** End registrations: none of their events may come any more. */
  end(mark: Mark, ...keys: readonly Key[]): void;
  /**
   * The descriptor of a registration is about to be closed, and the queue is
   * not told, or was told already.
   */
  lose(mark: Mark, told?: boolean): void;
  /** Serve until it is closed. */
  serve(): Promise<void>;
  close(): void;
}

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

export function openHouse(random: Random, ledger: Ledger): House {
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
   * Whether an event may still come. One that was collected before its
   * descriptor was closed does, but not after events that were collected later
   * still; and a promise may carry one to the end of the turn.
   */
  const mayCome = (
    { turn, beat, told }: Moment,
    inPromise: boolean,
  ): boolean =>
    told ? inPromise && turns - turn < 3 : turns - turn < 3 || beats - beat < 3;

  /** What one call gave: only later calls must know of what has ended since. */
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

  /** Each consumes for a while, and leaves: nothing may be lost between two. */
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
          // Of a registration that has ended: `fill` does not leave it out.
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

  // Something always comes, so that nobody waits for ever.
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
      mark.ended = { turn: turns, beat: beats, told: true };
    },
    lose(mark, told = false) {
      mark.ended = { turn: turns, beat: beats, told };
    },
    async serve() {
      // Two at a time: each event goes to one of them.
      await Promise.all([consume(), consume()]);
    },
    close() {
      closing = true;
      clearInterval(clock);
      kq.close();
    },
  };
}
