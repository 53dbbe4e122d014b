/**
 * Large numbers: `npm run load`. `-- --small` uses the sizes of the tests, and
 * `--json` prints only the figures. The exit code is 1 if an event was lost.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { kernel } from 'kqueue-ffi';
import { connections } from './connections.js';
import { files } from './files.js';
import type { Figures, Load } from './load.js';
import { children } from './processes.js';
import { knotes, timers, triggers } from './registrations.js';

const { values } = parseArgs({
  options: { small: { type: 'boolean' }, json: { type: 'boolean' } },
});

/** Descriptors that are kept for other purposes. */
const RESERVED = 200;
// Node.js raises its soft limit to the hard limit.
const limit = Number(
  execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }),
);
const room = Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit - RESERVED;

const LOADS: readonly Load[] = [
  connections,
  knotes,
  timers,
  triggers,
  children,
  files,
];
const TAKES_DESCRIPTORS: readonly Load[] = [connections, children];

const results: Record<string, Figures> = {};
for (const load of LOADS) {
  const wanted = values.small ? load.small : load.full;
  const count = TAKES_DESCRIPTORS.includes(load)
    ? Math.min(wanted, room)
    : wanted;
  const figures = await load.run(count);
  results[load.name] = figures;
  if (values.json) continue;
  const { seen, seconds, delay, notes } = figures;
  const less = count < wanted ? ` (the limit of descriptors is ${limit})` : '';
  console.log(`${figures.count.toLocaleString('en')} ${load.name}${less}`);
  console.log(
    `  ${seen === figures.count ? 'all' : seen} reported in ${seconds.toFixed(3)} s; the loop waited ${delay.max.toFixed(1)} ms at most, 99 % ${delay.p99.toFixed(1)} ms`,
  );
  for (const note of notes) console.log(`  ${note}`);
}
if (values.json) console.log(JSON.stringify(results));
else console.log(`${kernel.name}, node ${process.version}`);
const lost = Object.values(results).some(({ seen, count }) => seen !== count);
process.exit(lost ? 1 : 0);
