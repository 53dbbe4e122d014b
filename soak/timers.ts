import type { Mark } from './house.js';
import { newId, pause, type Scenario } from './scenario.js';

/** A period is counted to the last expiration. */
const periodic: Scenario = async ({ house, ledger, random }) => {
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
  house.kq.add({ filter: 'timer', id, every: { us }, udata: mark });
  await pause(random.int(5, 200));
  const due = Math.floor(((performance.now() - before) * 1000) / us) - 1;
  const reached = new Promise<void>((resolve) => {
    progress = () => {
      if (count >= due) resolve();
    };
    progress();
  });
  await ledger.must(reached, `${mark.what}: ${due} expirations`);
  house.end(mark, { filter: 'timer', id });
};

/** Once means once, and not before its time. */
const once: Scenario = async ({ house, ledger, random }) => {
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
    house.kq.add({ filter: 'timer', id, after: ms, udata });
  });
  await ledger.must(event, `a timer after ${ms} ms`);
};

/** One that is deleted before its time never fires. */
const revoked: Scenario = async ({ house, random }) => {
  const id = newId();
  const mark: Mark = {
    what: 'a revoked timer',
    ended: undefined,
    handle: () => {},
  };
  house.kq.add({
    filter: 'timer',
    id,
    every: { us: random.int(100, 20_000) },
    udata: mark,
  });
  await pause(random.int(0, 10));
  house.end(mark, { filter: 'timer', id });
};

export const timers: Scenario = (setting) =>
  setting.random.pick([periodic, once, revoked])(setting);
