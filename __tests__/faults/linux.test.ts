// Every native call of every operation fails with every errno of its man page,
// once or from then on. The operation fails as documented, the queue continues
// or is clearly closed, nothing stays open or registered, and no pending event
// is lost. A share of all cells runs by default: at least one for each call and
// errno. KQUEUE_FFI_FAULTS=all runs all of them, which takes minutes.
import { bindLibc } from '../../src/ffi/libc.js';
import { isolate } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';
import { chance } from '../support/oddities.js';
import { ERRNOS } from './errnos.js';
import { type Cell, cellsOf, nameOf, play } from './matrix.js';
import { SCENARIOS } from './scenarios.js';

isolate();

const ALL = process.env.KQUEUE_FFI_FAULTS === 'all';
const SEED = Number(process.env.KQUEUE_FFI_FAULTS_SEED ?? 0x6b73);
/** How many cells are tried if not all are, and of each fault. */
const SHARE = 900;
const EACH = { lack: 6, claim: 1 } as const;
/** Cells that once reported a wrong error, or lost an event. */
const ALWAYS: readonly string[] = [
  'add a queue over a pipe and a socket',
  'add the exit of a process',
  'collect at once the end of a pipe',
  'wait for the removal of a file',
  'close a queue that has a dup',
];

jest.setTimeout(ALL ? 1_800_000 : 60_000);

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

const faultOf = ({ fault: { call, errno, forEver } }: Cell): string =>
  `${call} ${errno} ${forEver}`;

/** By lot: so many cells for each fault, and others up to the share. */
function shareOf(cells: readonly Cell[]): readonly Cell[] {
  const random = chance(SEED);
  const lots = cells
    .map((cell) => ({ cell, lot: random() }))
    .sort((a, b) => a.lot - b.lot)
    .map(({ cell }) => cell);
  const chosen = new Set(
    cells.filter(
      ({ kind, scenario }) => kind === 'lack' && ALWAYS.includes(scenario.name),
    ),
  );
  const counts = new Map<string, number>();
  for (const cell of lots) {
    const count = counts.get(faultOf(cell)) ?? 0;
    if (count >= EACH[cell.kind]) continue;
    counts.set(faultOf(cell), count + 1);
    chosen.add(cell);
  }
  for (const cell of lots) {
    if (chosen.size >= SHARE) break;
    chosen.add(cell);
  }
  return [...chosen];
}

const cells: Cell[] = [];

onLinux('each operation succeeds if no call fails', async () => {
  const libc = bindLibc();
  const wrong: string[] = [];
  for (const scenario of SCENARIOS) {
    const outcome = play(libc, scenario);
    cells.push(...cellsOf(scenario, outcome.calls));
    for (const what of outcome.wrong) wrong.push(`${scenario.name}: ${what}`);
    await turn();
  }
  expect(wrong).toEqual([]);
  // Each call that the kernel knows is made by some operation.
  const made = new Set(cells.map(({ fault }) => fault.call));
  expect(Object.keys(ERRNOS).filter((call) => !made.has(call))).toEqual([]);
});

onLinux(
  'loses no event and leaks no descriptor, whichever call fails',
  async () => {
    const libc = bindLibc();
    const tried = ALL ? cells : shareOf(cells);
    const wrong: string[] = [];
    let happened = 0;
    for (const cell of tried) {
      const outcome = play(libc, cell.scenario, cell.fault, cell.kind);
      if (outcome.happened) happened++;
      for (const what of outcome.wrong) wrong.push(`${nameOf(cell)}: ${what}`);
      await turn();
    }
    if (ALL) console.log(`${cells.length} cells, ${happened} faults, ${SEED}`);
    expect(wrong).toEqual([]);
    // They were really tried: what depends on time is not made every time.
    expect(happened).toBeGreaterThan(tried.length * 0.9);
  },
);
