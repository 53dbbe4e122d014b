/**
 * A random workload of all filters at full speed, with continuous checks:
 * `npm run soak -- --minutes 20 --seed 7`. It prints a summary, or ends with exit
 * code 1 at the first violation. `--without threads` leaves out a part.
 *
 * A seed repeats all choices of the workload, but not those of the kernel and the
 * scheduler. A failure may need several runs to occur again.
 */

import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { kernel, kevent } from 'kqueue-ffi';
import { files } from './files.js';
import { Ledger } from './ledger.js';
import { neighbour } from './neighbour.js';
import { openPlace } from './place.js';
import { children, signals } from './processes.js';
import { queues } from './queues.js';
import { randomOf } from './random.js';
import { pause, type Scenario } from './scenario.js';
import { openSharedQueue, type SharedQueue } from './shared-queue.js';
import { streams } from './streams.js';
import { threads } from './threads.js';
import { timers } from './timers.js';
import { users } from './users.js';
import { openCount, openFiles, Vitals } from './vitals.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    without: { type: 'string', multiple: true, default: [] },
  },
});
const PARTS = {
  streams,
  files,
  timers,
  users,
  children,
  signals,
  queues,
  threads,
  neighbour,
};
/** The longest time before and after the minutes, in milliseconds. */
const MOST_EXTRA = 240_000;
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const { without } = values;
if (
  !(minutes > 0 && minutes <= 24 * 60) ||
  !Number.isSafeInteger(seed) ||
  !without.every((name) => name in PARTS)
) {
  console.error(
    `usage: npm run soak -- --minutes up-to-1440 [--seed integer] [--without ${Object.keys(PARTS).join('|')}]`,
  );
  process.exit(2);
}
const ALL = Object.entries(PARTS)
  .filter(([name]) => !without.includes(name))
  .map(([, part]) => part);

/** The scenarios of each lane. Lanes run side by side. */
const LANES: readonly (readonly Scenario[])[] = [
  [streams],
  [streams, streams, files],
  [streams, timers, users],
  [files, timers],
  [users, timers, queues],
  [queues],
  [children, signals],
  [children, streams],
  [threads],
  [threads, queues],
  [neighbour],
];

const ledger = new Ledger();
const random = randomOf(seed);
process.on('unhandledRejection', (reason) =>
  ledger.violated(`unhandled rejection: ${reason}`),
);
process.on('uncaughtException', (error) =>
  ledger.violated(`uncaught exception: ${error.stack}`),
);
process.on('warning', (warning) => ledger.violated(`a warning: ${warning}`));
process.on('SIGHUP', () => ledger.count('interrupts'));

const place = await openPlace();
const sharedQueues = [0, 1].map(() => openSharedQueue(random.fork(), ledger));
const served = sharedQueues.map((shared) =>
  shared.serve().catch((error) => ledger.violated(`serving: ${error.stack}`)),
);
const kicker = new Worker(new URL('kicker.mjs', import.meta.url), {
  workerData: { signal: 'SIGHUP', least: 1, most: 30 },
  execArgv: [],
});

async function lane(
  choices: readonly Scenario[],
  choose: ReturnType<typeof randomOf>,
  goesOn: () => boolean,
  queues: readonly SharedQueue[] = sharedQueues,
): Promise<void> {
  while (goesOn()) {
    const scenario = choose.pick(choices);
    const shared = choose.pick(queues);
    const setting = { shared, place, ledger, random: choose.fork() };
    try {
      await scenario(setting);
      ledger.count('scenarios');
    } catch (error) {
      ledger.violated(error instanceof Error ? `${error.stack}` : `${error}`);
      return;
    }
  }
}

/** Replace the parts of the shared queues that the neighbour closed. */
function repair(): void {
  // Each call checks some of the parts.
  for (let i = 0; i < 4; i++) {
    for (const { kq } of sharedQueues) kevent(kq.fd, null, null);
  }
}

/** The number of descriptors that stay open when nothing runs. */
async function settled(limit: number): Promise<number> {
  repair();
  let fewest = openCount();
  for (let i = 0; i < 100 && fewest > limit; i++) {
    await pause(50);
    fewest = Math.min(fewest, openCount());
  }
  return fewest;
}

async function everyOnce(choose: ReturnType<typeof randomOf>): Promise<void> {
  for (let i = 0; i < 3; i++) {
    for (const scenario of ALL) {
      for (const shared of sharedQueues) {
        let once = 0;
        await lane([scenario], choose, () => once++ === 0, [shared]);
      }
    }
  }
}

const say = (line: string): void => {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`);
};

async function soak(): Promise<void> {
  // Descriptors that are opened once, at first use, are no leak.
  await everyOnce(random.fork());
  const fdsBefore = await settled(0);
  const before = new Map(ledger.counts);
  const vitals = new Vitals();
  const first = vitals.sample();
  const started = performance.now();
  const ends = started + minutes * 60_000;
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000);
    const { rssMiB, fds } = vitals.sample();
    say(
      `${seconds} s of ${minutes * 60}, ${ledger.counts.get('scenarios')} scenarios, ${Math.round(rssMiB)} MiB, ${fds} descriptors`,
    );
  }, 1000);

  const lanes = LANES.map((choices) =>
    choices.filter((part) => ALL.includes(part)),
  )
    .filter((choices) => choices.length > 0)
    .map((choices) =>
      lane(choices, random.fork(), () => performance.now() < ends),
    );
  await Promise.all(lanes);
  clearInterval(progress);
  const seconds = (performance.now() - started) / 1000;
  const last = vitals.sample();
  const quarters = vitals.quarters();
  const delay = vitals.delay();
  vitals.stop();
  const fdsAfter = await settled(fdsBefore);
  say('');

  const counts = Object.fromEntries(
    [...ledger.counts]
      .map(([what, n]) => [what, n - (before.get(what) ?? 0)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const FILTERS = ['read', 'write', 'vnode', 'proc', 'signal', 'timer', 'user'];
  const events = [...FILTERS, 'records', 'own queues'].reduce(
    (sum, what) => sum + (counts[what] ?? 0),
    0,
  );
  const figures = {
    seed,
    seconds: Math.round(seconds),
    events,
    eventsPerSecond: Math.round(events / seconds),
    counts,
    loopDelayMs: delay,
    rssMiB: { start: first.rssMiB, end: last.rssMiB },
    fds: { start: fdsBefore, end: fdsAfter },
    quarters,
  };
  console.log(
    JSON.stringify(
      figures,
      (_, value) =>
        typeof value === 'number' ? Math.round(value * 10) / 10 : value,
      2,
    ),
  );

  ledger.check(
    fdsAfter <= fdsBefore,
    () =>
      `${fdsBefore} descriptors open before, ${fdsAfter} after: ${openFiles().join(', ')}`,
  );
  const [, early, , late] = quarters;
  ledger.check(
    late.rssMiB <= early.rssMiB * 1.25 + 24,
    () => `memory grew from ${early.rssMiB} to ${late.rssMiB} MiB`,
  );
  for (const what of [...FILTERS, 'children', 'aborts', 'interrupts']) {
    ledger.check((counts[what] ?? 0) > 0, () => `nothing of ${what} happened`);
  }
}

console.log(
  `soak of ${minutes} minutes, seed ${seed}, ${kernel.name}, node ${process.version}`,
);
// A soak test that hangs fails. The timer keeps nothing alive.
const overdue = new Promise<Error>((resolve) => {
  const late = new Error('the soak test did not end');
  setTimeout(resolve, minutes * 60_000 + MOST_EXTRA, late).unref();
});
const failure = await Promise.race([ledger.failure, soak(), overdue]);
// The checks at the end may find a violation too.
const violation = failure ?? (await Promise.race([ledger.failure, pause(0)]));
for (const shared of sharedQueues) shared.close();
if (violation === undefined) {
  await Promise.all(served);
  await kicker.terminate();
}
place.close();
if (violation !== undefined) {
  console.error(`\nviolated: ${violation.message}`);
  console.error(`again: npm run soak -- --minutes ${minutes} --seed ${seed}`);
  process.exit(1);
}
console.log('all promises were kept');
