import { newId, type Scenario } from './scenario.js';
import type { Mark } from './shared-queue.js';

/** Each trigger is reported, alone or together with later ones. */
export const users: Scenario = async ({ shared, ledger, random }) => {
  const id = newId();
  const serialOf = (fflags: number): number => fflags & 0xffffff;
  let seen = 0;
  let triggered = 0;
  let events = 0;
  let progress = (): void => {};
  const mark: Mark = {
    what: `user ${id}`,
    ended: undefined,
    handle(raw) {
      events++;
      seen = Math.max(seen, serialOf(raw.fflags));
      ledger.check(
        events <= triggered && seen <= triggered,
        () => `${mark.what}: ${events} events of ${triggered} triggers`,
      );
      progress();
    },
  };
  shared.kq.add({ filter: 'user', id, udata: mark });
  for (let round = random.int(1, 20); round > 0; round--) {
    for (let burst = random.int(1, 50); burst > 0; burst--) {
      shared.kq.trigger(id, ++triggered);
    }
    ledger.count('triggers', 1);
    const reached = new Promise<void>((resolve) => {
      progress = () => {
        if (seen === triggered) resolve();
      };
      progress();
    });
    await ledger.must(reached, `${mark.what}: trigger ${triggered}`);
  }
  shared.end(mark, { filter: 'user', id });
};
