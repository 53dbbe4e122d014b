// Plays a recorded scenario (see ../fixtures/traces.json) on the kernel in use
// and says, line by line, what came and what should have come.
import {
  chmodSync,
  constants,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import { constants as os } from 'node:os';
import { dirname, join } from 'node:path';
import type { Kevent, KeventInit } from '../../src/index.js';
import { KeventList, KqueueError, kernel, kevent } from '../../src/index.js';
import { hasFilter } from './cases.js';
import { comparable, constant, errnoNumber } from './constants.js';
import { traceDeviation, unplayable } from './deviations.js';
import * as libc from './libc.js';
import { type Act, meanwhile } from './outsider.js';
import * as world from './world.js';

interface TraceChange {
  readonly ident: string;
  readonly filter: string | number;
  readonly flags: readonly string[];
  readonly fflags?: readonly string[];
  readonly data?: number | string | { readonly now_plus_ms: number };
  readonly udata?: string;
}

interface Step {
  readonly op: string;
  readonly as?: string | string[];
  readonly fd?: string;
  readonly to?: string;
  readonly bytes?: number;
  readonly type?: string;
  readonly how?: keyof typeof libc.SHUT;
  readonly path?: string;
  readonly flags?: number;
  readonly mode?: number;
  readonly sig?: NodeJS.Signals;
  readonly pid?: string;
  readonly exit?: number;
  readonly signal?: NodeJS.Signals;
  readonly ms?: number;
  readonly reuses?: string;
  readonly thread?: string;
  readonly kq?: string;
  readonly changes?: readonly TraceChange[];
  readonly nevents?: number;
  readonly timeout?: readonly [number, number] | null;
  readonly aliased?: boolean;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

interface TraceEvent {
  readonly ident: string;
  readonly filter: string | number;
  readonly flags: string;
  readonly fflags: string;
  readonly data: number | string | Range;
  readonly udata: string;
  readonly errno?: string;
}

interface Result {
  readonly ret?: number | 'fd';
  readonly errno?: string;
  readonly events?: readonly TraceEvent[];
  readonly elapsed_ms?: readonly [number, number];
  readonly started?: true;
  readonly unstable?: true;
}

interface Recording {
  readonly steps?: readonly (Result | null)[];
  readonly not_run?: string;
}

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly timing?: true;
  readonly steps: readonly Step[];
  readonly results: Readonly<
    Record<'xnu-3248' | 'freebsd-13' | 'netbsd-7', Recording>
  >;
  readonly rules_model?: {
    readonly differs?: Readonly<Record<string, Result>>;
  };
}

/** Every scenario of the fixture. */
export function scenarios(): Scenario[] {
  const { testPath } = expect.getState();
  if (testPath === undefined) throw new Error('outside of a test file');
  const file = join(dirname(testPath), '../fixtures/traces.json');
  return JSON.parse(readFileSync(file, 'utf8'));
}

const filtersOf = (step: Step): string[] =>
  step.changes?.map(({ filter }) => String(filter)) ?? [];

const bitNamesOf = ({ changes = [] }: Step): string[] =>
  changes.flatMap(({ flags, fflags = [] }) => [...flags, ...fflags]);

const isUnknownBit = (name: string): boolean =>
  !/^\d/.test(name) && Number.isNaN(constant(name));

/**
 * Why a scenario cannot be played, or undefined. A filter that is missing
 * does not matter where Darwin refuses it too.
 */
export function gateOf(scenario: Scenario): string | undefined {
  const isChild = ({ op }: Step): boolean => op.startsWith('fakeproc');
  const missing = scenario.steps.flatMap((step, i) =>
    filtersOf(step).filter(
      (name) =>
        !hasFilter(name) &&
        (scenario.steps.some(isChild) ||
          expectation(scenario, i).result?.ret !== -1),
    ),
  );
  const unnamed = scenario.steps.flatMap(bitNamesOf).filter(isUnknownBit);
  const names = [...new Set([...missing, ...unnamed])].join(', ');
  return names === '' ? undefined : `no ${names}`;
}

/** Why one realm cannot play it at all, or undefined. */
export function whyUnplayable(scenario: Scenario): string | undefined {
  const row = unplayable.find(({ id }) => id === scenario.id);
  return row && `${row.rule}: ${row.reason}`;
}

const unlinked: Result = {
  ret: 1,
  events: [
    {
      ident: 'f',
      filter: 'EVFILT_VNODE',
      flags: '0x21',
      fflags: '0x11',
      data: 0,
      udata: '0x0',
    },
  ],
};

/**
 * What current Darwin says where only another kernel was recorded and the
 * rules say otherwise: by scenario and step.
 */
const DARWIN_SAYS: Readonly<Record<string, Readonly<Record<number, Result>>>> =
  {
    // G32: a low-water mark of 0 is smaller than SO_RCVLOWAT, so it is ignored.
    X163: { 3: { ret: 0 } },
    // I4: unlink is DELETE|LINK in one post, even when other links remain.
    X175: { 9: unlinked, 13: unlinked },
  };

interface Expectation {
  readonly result: Result | null;
  /** FreeBSD strips ADD, DELETE, ENABLE and DISABLE from what it delivers. */
  readonly mask: number;
}

const EXACT = 0xffff;
const WITHOUT_ACTIONS = 0xfff0;

/** Recordings of the kernel in use, of an earlier release of it. */
const OWN: Readonly<Record<string, keyof Scenario['results']>> = {
  freebsd: 'freebsd-13',
  netbsd: 'netbsd-7',
};

/** What step `i` must answer: rules first, then recordings. */
function expectation(scenario: Scenario, i: number): Expectation {
  const own = scenario.results[OWN[kernel.name]]?.steps;
  if (own !== undefined) {
    return { result: own[i] ?? null, mask: WITHOUT_ACTIONS };
  }
  const said =
    DARWIN_SAYS[scenario.id]?.[i] ?? scenario.rules_model?.differs?.[i];
  if (said !== undefined) return { result: said, mask: EXACT };
  const { results } = scenario;
  const xnu = results['xnu-3248'].steps;
  if (xnu !== undefined) return { result: xnu[i] ?? null, mask: EXACT };
  const freebsd = results['freebsd-13'].steps;
  if (freebsd !== undefined) {
    return { result: freebsd[i] ?? null, mask: WITHOUT_ACTIONS };
  }
  return { result: results['netbsd-7'].steps?.[i] ?? null, mask: EXACT };
}

const { signals } = os;

type Kind = 'pipe' | 'socket' | 'queue' | 'file' | 'none';

/** The result of a step: a number, an errno name, or entries. */
interface Answer {
  readonly ret?: number | 'fd';
  readonly errno?: string;
  readonly events?: readonly Kevent[];
  readonly ms?: number;
}

const EV_EOF = 0x8000;
/** How much later than recorded is still in time on a busy machine. */
const SLACK_MS = 250;

const isSignal = (name: string): name is NodeJS.Signals => name in signals;

const missing = (what: string): never => {
  throw new Error(`The step has no ${what}`);
};

const bits = (names: readonly string[]): number =>
  names.reduce((all, name) => {
    const value = /^\d/.test(name) ? Number(name) : constant(name);
    return (all | value) >>> 0;
  }, 0);

/** One play of one scenario: its names, and the lines of its steps. */
class Play {
  readonly #scenario: Scenario;
  readonly #names: Record<string, number> = {};
  readonly #kinds = new Map<string, Kind>();
  readonly #children = new Map<number, world.Child>();
  readonly actual: string[] = [];
  readonly expected: string[] = [];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  async run(): Promise<void> {
    const { steps } = this.#scenario;
    // An uncaught signal would end the process.
    for (const { sig } of steps) if (sig) world.catchSignal(sig);
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i];
      if (step.thread !== undefined && step.op === 'kevent') {
        i = await this.#runThread(i);
      } else {
        this.#record(i, this.#perform(step));
      }
    }
  }

  /** Sleep in the call on this thread, and have another do what follows. */
  async #runThread(start: number): Promise<number> {
    const { steps } = this.#scenario;
    const { thread } = steps[start];
    const end = steps.findIndex(
      ({ op, thread: joined }, i) =>
        i > start && op === 'join' && joined === thread,
    );
    const acts: Act[] = steps.slice(start + 1, end);
    const { result, report } = await meanwhile(this.#names, acts, () =>
      this.#kevent(steps[start]),
    );
    for (const [j, { op, fd, as }] of acts.entries()) {
      if (op === 'close' && fd !== undefined) world.forget(this.#fd(fd));
      for (const name of Array.isArray(as) ? as : []) {
        this.#names[name] = report.names[name];
        world.adopt(report.names[name]);
      }
      const ret = op === 'pipe' ? 'fd' : report.results[j];
      this.#record(start + 1 + j, { ret });
    }
    this.#record(end, result);
    return end;
  }

  #record(i: number, answer: Answer | undefined): void {
    const { result, mask } = expectation(this.#scenario, i);
    if (result === null || result.unstable) return;
    const { op } = this.#scenario.steps[i];
    this.expected.push(`${i} ${op}: ${this.#expectedText(i, result, mask)}`);
    this.actual.push(
      `${i} ${op}: ${this.#actualText(i, answer, result, mask)}`,
    );
  }

  #fd(name: string | undefined): number {
    if (name === undefined) return missing('fd');
    return this.#names[name] ?? missing(`object named ${name}`);
  }

  #bind(name: Step['as'], fd: number, kind: Kind): void {
    if (typeof name !== 'string') missing('name');
    else {
      this.#names[name] = fd;
      this.#kinds.set(name, kind);
    }
  }

  /** Give the new object the number of the closed name, as it was recorded. */
  #renumber(fd: number, reuses: string | undefined): number {
    if (reuses === undefined || fd === this.#fd(reuses)) return fd;
    const moved = world.dup2(fd, this.#fd(reuses));
    world.closeElsewhere(fd);
    return moved;
  }

  /** A queue cannot be renumbered: take new ones until the number comes. */
  #kqueue(reuses: string | undefined): number {
    const LIMIT = 64;
    const extra: number[] = [];
    let kq = world.kqueue();
    while (reuses !== undefined && kq !== this.#fd(reuses)) {
      extra.push(kq);
      if (extra.length === LIMIT) throw new Error(`no queue is ${reuses}`);
      kq = world.kqueue();
    }
    extra.forEach(world.close);
    return kq;
  }

  /** A descriptor call, with its refusal as an answer. */
  #attempt(call: () => number): Answer {
    try {
      return { ret: call() };
    } catch (error) {
      if (error instanceof libc.LibcError) {
        return { ret: -1, errno: error.code };
      }
      throw error;
    }
  }

  #perform(step: Step): Answer | undefined {
    const { op, as, fd, bytes = 0, reuses, path = '' } = step;
    const [first, second] = Array.isArray(as) ? as : [];
    switch (op) {
      case 'kqueue':
        this.#bind(as, this.#kqueue(reuses), 'queue');
        return { ret: 'fd' };
      case 'pipe': {
        let [r, w] = world.pipe();
        // The wanted number may have gone to the second end.
        if (w === this.#names[reuses ?? '']) w = world.dup(w);
        r = this.#renumber(r, reuses);
        this.#bind(first, r, 'pipe');
        this.#bind(second, w, 'pipe');
        return { ret: 'fd' };
      }
      case 'socketpair': {
        const type = step.type === 'DGRAM' ? libc.SOCK_DGRAM : undefined;
        const [a, b] = world.socketpair(type);
        this.#bind(first, a, 'socket');
        this.#bind(second, b, 'socket');
        return { ret: 'fd' };
      }
      case 'dup': {
        const kind = this.#kinds.get(fd ?? '') ?? 'none';
        const old = this.#fd(fd);
        const copy = kind === 'queue' ? world.dupQueue(old) : world.dup(old);
        this.#bind(as, this.#renumber(copy, reuses), kind);
        return { ret: 'fd' };
      }
      case 'dup2':
        world.dup2(this.#fd(fd), this.#fd(step.to));
        return undefined;
      case 'close':
        world.close(this.#fd(fd));
        return { ret: 0 };
      case 'read':
        return this.#attempt(() =>
          this.#kinds.get(fd ?? '') === 'queue'
            ? libc.readNow(this.#fd(fd), bytes)
            : libc.read(this.#fd(fd), bytes),
        );
      case 'write':
        return this.#attempt(() => libc.write(this.#fd(fd), bytes));
      case 'fill':
        return this.#attempt(() => libc.fill(this.#fd(fd)));
      case 'drain':
        return this.#attempt(() => libc.drain(this.#fd(fd)));
      case 'nonblock':
        libc.setNonblocking(this.#fd(fd));
        return { ret: 0 };
      case 'shutdown':
        return this.#attempt(() =>
          libc.shutdown(this.#fd(fd), step.how ?? 'RD'),
        );
      case 'sleep':
        world.sleep(step.ms ?? 0);
        return undefined;
      case 'unusedfd': {
        const [open] = Object.values(this.#names);
        this.#bind(as, libc.unusedNumber(open), 'none');
        return undefined;
      }
      case 'mount_tmpfs':
        mkdirSync(world.path(path));
        return undefined;
      case 'mkdir':
        mkdirSync(world.path(path));
        return undefined;
      case 'chmod':
        chmodSync(world.path(path), step.mode ?? 0o600);
        return undefined;
      case 'link':
        linkSync(world.path(path), world.path(step.to ?? ''));
        return undefined;
      case 'unlink':
        unlinkSync(world.path(path));
        return undefined;
      case 'rename':
        renameSync(world.path(path), world.path(step.to ?? ''));
        return undefined;
      case 'postsig':
        if (step.sig) world.signal(step.sig);
        return undefined;
      case 'unusedpid':
        this.#bind(as, world.unusedPid(), 'none');
        return undefined;
      case 'fakeproc': {
        const child = world.child();
        this.#bind(as, child.pid, 'none');
        this.#children.set(child.pid, child);
        return undefined;
      }
      case 'fakeproc_exit':
        this.#children
          .get(this.#fd(step.pid))
          ?.end(step.signal ?? step.exit ?? 0);
        return undefined;
      case 'open': {
        const flags =
          step.flags === 0 ? 'r' : constants.O_CREAT | constants.O_RDWR;
        this.#bind(as, world.open(world.path(path), flags), 'file');
        return { ret: 'fd' };
      }
      case 'kevent':
        return this.#kevent(step);
      default:
        return missing(`meaning: ${op}`);
    }
  }

  /** The ident of a name, a number or name+number. */
  #ident(text: string): bigint {
    if (/^-?\d/.test(text)) return BigInt(text);
    if (isSignal(text)) return BigInt(signals[text]);
    const [name, offset = '0'] = text.split('+');
    return BigInt(this.#fd(name)) + BigInt(offset);
  }

  #data(data: TraceChange['data'], fflags: number): bigint {
    if (typeof data !== 'object') return BigInt(data ?? 0);
    const ms = BigInt(Date.now() + data.now_plus_ms);
    if (fflags & constant('NOTE_SECONDS')) return ms / 1000n;
    if (fflags & constant('NOTE_USECONDS')) return ms * 1000n;
    if (fflags & constant('NOTE_NSECONDS')) return ms * 1000000n;
    return ms;
  }

  #filter(filter: string | number): number {
    return typeof filter === 'number' ? filter : filterNumber(filter);
  }

  #change(change: TraceChange): KeventInit {
    const fflags = bits(change.fflags ?? []);
    return {
      ident: this.#ident(change.ident),
      filter: this.#filter(change.filter),
      flags: bits(change.flags),
      fflags,
      data: this.#data(change.data, fflags),
      udata: BigInt(change.udata ?? 0),
    };
  }

  #kevent(step: Step): Answer {
    const { nevents = 0, aliased = false, timeout = null } = step;
    const changes = (step.changes ?? []).map((change) => this.#change(change));
    const changelist = changes.length === 0 ? null : KeventList.of(...changes);
    const eventlist = aliased
      ? changelist
      : nevents === 0
        ? null
        : new KeventList(nevents);
    const wait =
      timeout === null ? null : { tv_sec: timeout[0], tv_nsec: timeout[1] };
    const kq = this.#fd(step.kq);
    const start = performance.now();
    try {
      const ret = kevent(kq, changelist, eventlist, wait);
      const ms = performance.now() - start;
      return { ret, events: eventlist === null ? [] : [...eventlist], ms };
    } catch (error) {
      if (!(error instanceof KqueueError)) throw error;
      const ms = performance.now() - start;
      return { ret: -1, errno: error.code, ms };
    }
  }

  /** Free space and such differ by kernel: only that there is some counts. */
  #isAmount(i: number): boolean {
    return ['fill', 'drain'].includes(this.#scenario.steps[i].op);
  }

  #expectedText(i: number, result: Result, mask: number): string {
    const { ret, errno, events, elapsed_ms: ms } = result;
    const amount = this.#isAmount(i) && Number(ret) > 0 ? '>0' : undefined;
    return [
      errno ?? amount ?? ret ?? 0,
      ...(events ?? []).map((event) => this.#expectedEvent(event, mask)),
      ...(ms === undefined ? [] : [`in ${ms[0]}..${ms[1] + SLACK_MS} ms`]),
    ].join('\n  ');
  }

  #actualText(
    i: number,
    answer: Answer | undefined,
    result: Result,
    mask: number,
  ): string {
    const { ret, errno, events = [], ms } = answer ?? { ret: 0 };
    const amount = this.#isAmount(i) && Number(ret) > 0 ? '>0' : undefined;
    return [
      errno ?? amount ?? ret ?? 0,
      ...events.map((event, j) =>
        this.#actualEvent(event, result.events?.[j], mask),
      ),
      ...(result.elapsed_ms === undefined
        ? []
        : [duration(ms ?? Number.NaN, result.elapsed_ms)]),
    ].join('\n  ');
  }

  /** Whether the ident is one end of a socket: its free space is its own. */
  #isSocket(ident: bigint): boolean {
    for (const [name, kind] of this.#kinds) {
      if (kind === 'socket' && BigInt(this.#names[name]) === ident) return true;
    }
    return false;
  }

  #amountOf(ident: bigint, filter: number, flags: number, data: bigint) {
    if (filter !== constant('EVFILT_WRITE') || data < 0n) return `${data}`;
    const isEnd = (flags & EV_EOF) !== 0;
    if (isEnd) return this.#isSocket(ident) ? 'any' : `${data}`;
    return data > 0n ? '>0' : `${data}`;
  }

  #expectedEvent(event: TraceEvent, mask: number): string {
    const ident = this.#ident(event.ident);
    const filter = this.#filter(event.filter);
    const flags = Number(event.flags);
    const data =
      typeof event.data === 'object'
        ? inRange(event.data)
        : event.errno !== undefined
          ? `${errnoNumber(event.errno)}`
          : this.#dataText(ident, filter, flags, BigInt(event.data));
    return eventText(
      ident,
      filter,
      flags & mask,
      Number(event.fflags),
      data,
      BigInt(event.udata),
    );
  }

  #actualEvent(
    event: Kevent,
    expected: TraceEvent | undefined,
    mask: number,
  ): string {
    const range = expected?.data;
    const data =
      typeof range === 'object' &&
      event.data >= range.min &&
      event.data <= range.max
        ? inRange(range)
        : this.#dataText(
            BigInt(event.ident),
            event.filter,
            event.flags,
            BigInt(event.data),
          );
    return eventText(
      BigInt(event.ident),
      event.filter,
      event.flags & mask,
      event.fflags,
      data,
      event.udata,
    );
  }

  #dataText(ident: bigint, filter: number, flags: number, data: bigint) {
    const isEntry = (flags & constant('EV_ERROR')) !== 0;
    return isEntry ? `${data}` : this.#amountOf(ident, filter, flags, data);
  }
}

const FILTERS: Readonly<Record<string, number>> = { EVFILT_EXCEPT: -15 };

/** A filter's number: the trace's own where the kernel has no such name. */
function filterNumber(name: string): number {
  const value = constant(name);
  return Number.isNaN(value) ? (FILTERS[name] ?? value) : value;
}

const inRange = ({ min, max }: Range): string => `${min}..${max}`;

function duration(ms: number, [min, max]: readonly [number, number]): string {
  const limit = max + SLACK_MS;
  if (ms >= min && ms <= limit) return `in ${min}..${limit} ms`;
  return `in ${ms.toFixed(1)} ms`;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

const eventText = (
  ident: bigint,
  filter: number,
  flags: number,
  fflags: number,
  data: string,
  udata: bigint,
): string =>
  `${ident} ${filter} flags=${hex(comparable(flags))} fflags=${hex(fflags)} data=${data} udata=0x${udata.toString(16)}`;

/** What must be equal after a play. */
export interface Outcome {
  readonly actual: readonly string[];
  readonly expected: readonly string[];
}

/**
 * Play the scenario. Steps that the table of deviations lists must answer what
 * the table says, and not what Darwin answers; the others what Darwin answers.
 */
export async function replay(scenario: Scenario): Promise<Outcome> {
  const play = new Play(scenario);
  try {
    await play.run();
  } finally {
    world.dispose();
  }
  const steps = traceDeviation(scenario.id)?.steps ?? {};
  const expected = [...play.expected];
  const actual = [...play.actual];
  for (const [i, darwins] of play.expected.entries()) {
    const step = Number.parseInt(darwins, 10);
    const { [step]: instead } = steps;
    if (instead === undefined) continue;
    expected[i] = `${step} ${instead}`;
    actual[i] =
      play.actual[i] === darwins
        ? `${darwins}\n  no longer deviates: take it from the table`
        : play.actual[i].replace(/^ {2}\d+ /gm, '  N ');
  }
  return { actual, expected };
}
