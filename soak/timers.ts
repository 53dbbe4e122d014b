import { newId, pause, type Scenario } from './scenario.js';
import type { Mark } from './shared-queue.js';

/** All expirations of a periodic timer are counted. */
const periodic: Scenario = async ({ shared, ledger, random }) => {
  const us = random.pick([200, 500, 1000, 3000, 20_000]);
  const id = newId();
  let count = 0;
  let progress = (): void => {};
  let before = 0;
  const mark: Mark = {
    what: `timer of ${us} us`,
    ended: undefined,
    handle(raw) {
      count += Number(raw.data);
      ledger.count('expirations', Number(raw.data));
      const most = ((performance.now() - before) * 1000) / us + 1;
      ledger.check(
        count <= most,
        () => `${mark.what}: ${count} expirations, ${most} at most`,
      );
      progress();
    },
  };
  before = performance.now();
  shared.kq.add({ filter: 'timer', id, every: { us }, udata: mark });
  await pause(random.int(5, 200));
  const due = Math.floor(((performance.now() - before) * 1000) / us) - 1;
  const reached = new Promise<void>((resolve) => {
    progress = () => {
      if (count >= due) resolve();
    };
    progress();
  });
  await ledger.must(reached, `${mark.what}: ${due} expirations`);
  shared.end(mark, { filter: 'timer', id });
};

/** A one-shot timer fires once, and not early. */
const once: Scenario = async ({ shared, ledger, random }) => {
  const ms = random.below(30);
  const id = newId();
  let fired = 0;
  const before = performance.now();
  const event = new Promise<void>((resolve) => {
    const udata: Mark = {
      what: `timer after ${ms} ms`,
      ended: undefined,
      handle() {
        ledger.check(++fired === 1, () => `${udata.what}: fired twice`);
        const waited = performance.now() - before;
        ledger.check(waited >= ms, () => `${udata.what}: ${waited} ms`);
        resolve();
      },
    };
    shared.kq.add({ filter: 'timer', id, after: ms, udata });
  });
  await ledger.must(event, `a timer after ${ms} ms`);
};

/** A timer that is deleted in time never fires. */
const revoked: Scenario = async ({ shared, random }) => {
  const id = newId();
  const mark: Mark = {
    what: 'a revoked timer',
    ended: undefined,
    handle: () => {},
  };
  shared.kq.add({
    filter: 'timer',
    id,
    every: { us: random.int(100, 20_000) },
    udata: mark,
  });
  await pause(random.int(0, 10));
  shared.end(mark, { filter: 'timer', id });
};

export const timers: Scenario = (setting) =>
  setting.random.pick([periodic, once, revoked])(setting);
