/**
 * The time from an event in another process to the code that waits for it. Each
 * variant is a new process in each round, so its code is as cold as in a
 * program with occasional events.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { kernel } from 'kqueue-ffi';
import { median, ratios } from '../measure.js';
import { type Goal, type Row, ratioRow, valueRow } from '../report.js';
import { answer, task } from '../task.js';

const COLD = 550;
const WARM = 5_800;
const COLD_ROUNDS = task.quick ? 3 : 11;
const WARM_ROUNDS = task.quick ? 0 : 5;

const file = (name: string): string =>
  fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Percentiles of the events from one number to another, in microseconds. */
interface Latency {
  readonly p50: number;
  readonly p99: number;
}

type Name = 'socket' | 'kqueue';

/** Another process writes a stamp every 1.3 ms into a pipe, which this reads. */
function run(name: Name, from: number, to: number): Latency {
  const { execPath, execArgv } = process;
  const node = [execPath, ...execArgv].map((word) => `'${word}'`).join(' ');
  const line = `${node} '${file('stamps.ts')}' ${to} | ${node} '${file('reader.ts')}' ${name} ${from} ${to}`;
  return JSON.parse(execFileSync('sh', ['-c', line], { encoding: 'utf8' }));
}

async function compare(
  what: string,
  rounds: number,
  from: number,
  to: number,
  goals: { p50: Goal; p99: Goal },
): Promise<Row[]> {
  const found: Record<Name, Latency[]> = { socket: [], kqueue: [] };
  for (let round = 0; round < rounds; round++) {
    const names: Name[] = ['socket', 'kqueue'];
    if (round % 2 === 1) names.reverse();
    for (const name of names) found[name].push(run(name, from, to));
  }
  return (['p50', 'p99'] as const).flatMap((part) => {
    const ours = found.kqueue.map((latency) => latency[part]);
    const theirs = found.socket.map((latency) => latency[part]);
    // The p99 of one process is one event: it varies too much for a ratio.
    const ratio =
      part === 'p50' ? ratios(ours, theirs) : [median(ours) / median(theirs)];
    return [
      ratioRow(
        `for await, ${what}: ${part}`,
        'µs',
        ours,
        'net.Socket',
        ratio,
        goals[part],
      ),
      valueRow(`  net.Socket: ${part}`, 'µs', theirs),
    ];
  });
}

const rows = await compare('cold', COLD_ROUNDS, 50, COLD, {
  p50: { most: 1.5 },
  p99: { most: 3 },
});
if (WARM_ROUNDS > 0) {
  const goals = { p50: { most: 1.4 }, p99: { most: 1.5 } };
  rows.push(...(await compare('warm', WARM_ROUNDS, 3_000, WARM, goals)));
}

answer({
  id: 'latency',
  title: 'From a write in another process to the code that waits for it',
  rows,
  notes: [
    `${kernel.name}. A pipe, written every 1.3 ms. Cold: events 50 to ${COLD} of ${COLD_ROUNDS} new processes each; warm: 3,000 to ${WARM} of ${WARM_ROUNDS}.`,
  ],
});
