import { Kqueue } from 'kqueue-ffi';
import { pause, type Scenario } from './scenario.js';

/** A queue that is closed in a callback does not call it again. */
const closedInside: Scenario = async ({ ledger, random }) => {
  const kq = new Kqueue<number>();
  const last = random.int(1, 30);
  let calls = 0;
  kq.add(
    { filter: 'timer', id: 1, every: { us: random.int(50, 2000) }, udata: 1 },
    { filter: 'user', id: 1, clear: false, udata: 2 },
  );
  const others = [kq.next({ timeout: 60_000 }), kq.next()];
  const loop = async (): Promise<void> => {
    for await (const event of kq) ledger.count(event.filter);
  };
  const looped = loop();
  const closed = new Promise<void>((resolve) => {
    kq.on(
      (events) => {
        ledger.count('own queues', events.length);
        if (++calls > last)
          ledger.violated('a listener was called after close');
        if (calls !== last) return;
        kq.close();
        resolve();
      },
      { max: random.pick([1, 64]) },
    );
  });
  kq.trigger(1);
  await ledger.must(closed, 'events of a queue');
  await ledger.must(Promise.all(others), 'the waits of a closed queue');
  await ledger.must(looped, 'the loop of a closed queue');
};

/** All waits end when a queue is closed. */
const closedOutside: Scenario = async ({ ledger, random }) => {
  const kq = new Kqueue();
  const { signal } = new AbortController();
  const loop = async (): Promise<void> => {
    for await (const events of kq.events({ signal })) {
      ledger.count('own queues', events.length);
    }
  };
  const waits = [kq.next({ signal }), loop(), kq.next({ timeout: 60_000 })];
  if (random.chance(0.5)) {
    kq.add({ filter: 'timer', id: 1, every: { us: random.int(50, 5000) } });
  }
  if (random.chance(0.7)) await pause(random.int(0, 4));
  kq.close();
  await ledger.must(Promise.all(waits), 'the waits of a closed queue');
};

/** An abort loses nothing: the next wait gets the events. */
const aborted: Scenario = async ({ ledger, random }) => {
  using kq = new Kqueue();
  kq.add({ filter: 'user', id: 7 });
  for (let i = random.int(1, 20); i > 0; i--) {
    const controller = new AbortController();
    const { signal } = controller;
    const first = kq.next({ signal }).catch((error) => {
      if (error !== signal.reason) throw error;
      return undefined;
    });
    const steps = [() => kq.trigger(7), () => controller.abort()];
    if (random.chance(0.5)) steps.reverse();
    for (const step of steps) {
      step();
      if (random.chance(0.3)) await null;
      if (random.chance(0.3)) await pause(0);
    }
    ledger.count('aborts');
    const event = (await first) ?? (await ledger.must(kq.next(), 'a trigger'));
    ledger.check(event?.filter === 'user', () => 'a trigger was lost');
  }
};

/** Many queues that are closed soon. Their descriptors are closed too. */
const many: Scenario = async ({ ledger, random }) => {
  const queues = Array.from({ length: random.int(1, 20) }, () => new Kqueue());
  const waits = queues.map((kq) => {
    kq.add({ filter: 'timer', id: 1, after: random.below(3) });
    return kq.next();
  });
  const events = await ledger.must(Promise.all(waits), 'timers of many queues');
  ledger.count('own queues', events.length);
  for (const kq of queues) kq.close();
};

export const queues: Scenario = (setting) =>
  setting.random.pick([closedInside, closedOutside, aborted, many])(setting);
