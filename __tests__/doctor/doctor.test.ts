// doctor(): its report about the running kernel, and about kernels that do not
// match their table. Those are doubles: kernels in JavaScript with the ABI of
// one system, which the library calls with the ABI of another.
import { homedir } from 'node:os';
import type { KernelFacts } from '../../src/abi/shape.js';
import { type KernelName, kernels } from '../../src/abi.js';
import { doctor, examine } from '../../src/doctor/doctor.js';
import { subjectOf } from '../../src/doctor/subject.js';
import { replaceHome } from '../../src/doctor/system.js';
import { bindKernel } from '../../src/ffi/native-kernel.js';
import { kernel } from '../../src/index.js';
import { gate, timed } from '../conformance/cases.js';
import {
  type Behaviour,
  type Double,
  disposeDoubles,
  double,
  type Fields,
  fieldAt,
  type KeventCall,
} from '../support/doubles.js';

afterEach(disposeDoubles);

interface Record64 {
  readonly ident: bigint;
  readonly filter: bigint;
  readonly flags: bigint;
  readonly fflags: bigint;
  readonly data: bigint;
  readonly udata: bigint;
}

interface Armed extends Record64 {
  readonly due: number;
  fired: boolean;
  merged: bigint;
}

const EBADF = 9n;
/** How long a timer is waited for that comes never. */
const PATIENCE = 300;

/** Further faults of a kernel. */
interface Vice {
  /** Seen by every event before it is written. */
  readonly bend?: (event: Fields, index: number) => Fields;
  readonly behaviour?: Behaviour;
}

/** A small kernel: refused descriptors, user events and timers. */
function kernelOf(
  truth: KernelName,
  vice: Vice = {},
  lacks: readonly string[] = [],
): Double {
  const made: Double = double({ kernel: truth });
  const facts: KernelFacts = made.facts;
  const c = { ...facts.constants };
  for (const name of lacks) delete c[name];
  const { struct } = made;
  const armed = new Map<string, Armed>();
  let open = false;

  const read = (bytes: Uint8Array, name: string): bigint =>
    fieldAt(struct, bytes, name);
  const recordOf = (bytes: Uint8Array): Record64 => ({
    ident: read(bytes, 'ident'),
    filter: read(bytes, 'filter'),
    flags: read(bytes, 'flags'),
    fflags: read(bytes, 'fflags'),
    data: read(bytes, 'data'),
    udata: read(bytes, 'udata'),
  });
  const dueOf = ({ fflags, data }: Record64): number => {
    const { timerUnits: u } = facts;
    // A kernel without units takes every number for milliseconds.
    if (c[u.seconds ?? ''] === undefined) return Date.now() + Number(data);
    const absolute = u.absolute === undefined ? 0 : c[u.absolute];
    const bits = Number(fflags);
    const unit = bits & ~absolute;
    const is = (name: string | undefined): boolean =>
      name !== undefined && c[name] !== 0 && unit === c[name];
    let ms = Number(data);
    if (is(u.seconds)) ms *= 1e3;
    else if (is(u.microseconds)) ms /= 1e3;
    else if (is(u.nanoseconds)) ms /= 1e6;
    const isAbsolute = absolute !== 0 && (bits & absolute) !== 0;
    return isAbsolute ? ms : Date.now() + ms;
  };
  /** An errno, or 0. */
  const apply = (change: Record64): bigint => {
    const { ident, filter, fflags } = change;
    const key = `${filter} ${ident}`;
    if (filter === BigInt(c.EVFILT_READ)) return EBADF;
    const isTimer = filter === BigInt(c.EVFILT_TIMER);
    if (isTimer && (Number(change.flags) & c.EV_ADD) !== 0) {
      armed.set(key, {
        ...change,
        due: dueOf(change),
        fired: false,
        merged: 0n,
      });
      return 0n;
    }
    if (filter !== BigInt(c.EVFILT_USER ?? 12345)) return 22n;
    if ((Number(change.flags) & c.EV_ADD) !== 0) {
      armed.set(key, { ...change, due: Infinity, fired: false, merged: 0n });
      return 0n;
    }
    const user = armed.get(key);
    if (user === undefined) return 2n;
    const mask = BigInt(c.NOTE_FFLAGSMASK);
    const trigger = BigInt(c.NOTE_TRIGGER);
    armed.set(key, {
      ...user,
      due: (fflags & trigger) === 0n ? Infinity : 0,
      merged: fflags & mask,
      data: change.data,
    });
    return 0n;
  };
  const answer = (call: KeventCall, events: readonly Record64[]): number =>
    call.answer(
      ...events.map(({ ident, filter, flags, fflags, data, udata }, i) => {
        const event = { ident, filter, flags, fflags, data, udata };
        return vice.bend?.(event, i) ?? event;
      }),
    );
  const millisecondsOf = ({ timeout, timespec }: KeventCall): number => {
    if (timeout === 0) return Infinity;
    const view = new DataView(timespec.buffer);
    return (
      Number(view.getBigInt64(0, true)) * 1e3 +
      Number(view.getBigInt64(8, true)) / 1e6
    );
  };
  const pause = (ms: number): void => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  };

  made.behaviour = {
    kqueue: () => {
      open = true;
      armed.clear();
      return 77;
    },
    close: () => {
      if (!open) return made.fail(Number(EBADF));
      open = false;
      return 0;
    },
    kevent: (call) => {
      if (!open) return made.fail(Number(EBADF));
      const errors: Record64[] = [];
      for (let i = 0; i < call.nchanges; i++) {
        const change = recordOf(made.change(call, i));
        const errno = apply(change);
        if (errno === 0n) continue;
        if (errors.length === call.nevents) return made.fail(Number(errno));
        errors.push({
          ...change,
          flags: BigInt(c.EV_ERROR),
          data: errno,
        });
      }
      if (errors.length > 0) return answer(call, errors);
      if (call.nevents === 0) return 0;
      const until = Date.now() + millisecondsOf(call);
      for (;;) {
        const ready = [...armed].filter(
          ([, { due, fired }]) => !fired && due <= Date.now(),
        );
        const events = ready.map(([, event]): Record64 => {
          event.fired = true;
          return event.filter === BigInt(c.EVFILT_TIMER)
            ? { ...event, data: 1n }
            : { ...event, fflags: event.merged };
        });
        if (events.length > 0) return answer(call, events);
        const next = Math.min(
          until,
          ...[...armed.values()].filter((e) => !e.fired).map((e) => e.due),
        );
        if (until <= Date.now()) return 0;
        pause(Math.max(0.1, next - Date.now()));
      }
    },
    ...vice.behaviour,
  };
  return made;
}

/** The findings if a kernel is mistaken for another. */
const findingsOf = (
  made: Double,
  claimed: KernelName = made.facts.name as KernelName,
) => {
  const facts = kernels[claimed];
  const bound = bindKernel(facts, made.cpu, made.library);
  return examine(subjectOf(bound, facts), PATIENCE);
};

const wrongOf = (...args: Parameters<typeof findingsOf>): string[] =>
  findingsOf(...args)
    .filter(({ ok }) => ok === false)
    .map(({ name }) => name);

test('finds that the running kernel matches its table', async () => {
  const report = await doctor();
  expect(report.findings.filter(({ ok }) => ok === false)).toEqual([]);
  expect(report).toMatchObject({
    ok: true,
    kernel: { name: kernel.name },
    platform: process.platform,
    arch: process.arch,
  });
  expect(report.findings.map(({ name }) => name)).toEqual([
    'kernel',
    'environment',
    'runtime',
    'koffi',
    'library',
    'struct',
    'errors',
    'events',
    'timers',
    'errno',
    'pollable',
    'loop',
  ]);
  expect(report.struct?.fields.udata.offset).toBeGreaterThan(0);
});

test('returns a report of plain data with a sentence per finding', async () => {
  const report = await doctor();
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  for (const { says } of report.findings) expect(says).toMatch(/^[\w'].*\.$/s);
});

test.each<KernelName>([
  'darwin',
  'freebsd',
  'openbsd',
  'netbsd',
  'dragonfly',
  'libkqueue',
])('identifies a kernel that is %s', (name) => {
  expect(wrongOf(kernelOf(name))).toEqual([]);
});

test.each<KernelName>(['openbsd', 'netbsd'])(
  'tests an older %s without user events with timers',
  (name) => {
    const made = kernelOf(name, {}, ['EVFILT_USER']);
    const findings = findingsOf(made);
    expect(findings.filter(({ ok }) => ok === false)).toEqual([]);
    const events = findings.find((finding) => finding.name === 'events');
    expect(events?.says).toContain('Two timers');
  },
);

test.each<KernelName>(['openbsd', 'netbsd'])(
  'accepts an older %s without timer units, and reports that it has none',
  (name) => {
    const units = ['SECONDS', 'MSECONDS', 'USECONDS', 'NSECONDS', 'ABSTIME'];
    const lacks = ['EVFILT_USER', ...units.map((unit) => `NOTE_${unit}`)];
    const findings = findingsOf(kernelOf(name, {}, lacks));
    expect(findings.filter(({ ok }) => ok === false)).toEqual([]);
    const timers = findings.find((finding) => finding.name === 'timers');
    expect(timers?.ok).toBeNull();
    expect(timers?.says).toContain(`no timer units in this release of ${name}`);
    expect(timers?.says).not.toContain('Do not use');
  },
);

test.each<[truth: KernelName, claimed: KernelName, wrong: string]>([
  // The struct is larger than believed, or smaller.
  ['freebsd', 'darwin', 'errors'],
  ['darwin', 'freebsd', 'errors'],
  // The struct is the same; the bits of timers are not.
  ['openbsd', 'darwin', 'timers'],
  ['darwin', 'openbsd', 'timers'],
  // User events have another number.
  ['libkqueue', 'darwin', 'events'],
  ['dragonfly', 'darwin', 'events'],
  ['libkqueue', 'openbsd', 'events'],
])('does not confuse %s with %s', (truth, claimed, wrong) => {
  expect(wrongOf(kernelOf(truth), claimed)).toEqual([wrong]);
});

test('reports a wrong timer unit with the measured duration', async () => {
  const facts = kernels.freebsd;
  const made = kernelOf('darwin');
  const bound = bindKernel(kernels.darwin, made.cpu, made.library);
  // FreeBSD's milliseconds are Darwin's microseconds.
  const claimed: KernelFacts = {
    ...kernels.darwin,
    timerUnits: facts.timerUnits,
    constants: { ...kernels.darwin.constants, NOTE_MSECONDS: 2 },
  };
  // On a busy machine a late poll may make the timer seem right.
  await timed(() => {
    const timers = examine(subjectOf(bound, claimed), PATIENCE).find(
      ({ name }) => name === 'timers',
    );
    expect(timers?.ok).toBe(false);
    expect(timers?.says).toMatch(
      /a timer of 40 ms in NOTE_MSECONDS fired after \d/,
    );
  });
});

const EV_ERROR = BigInt(kernels.darwin.constants.EV_ERROR);

describe.each([
  ['errors', true],
  ['events', false],
] as const)('among %s', (name, isError) => {
  test.each([
    ['an ident in another place', 'ident', 5n],
    ['udata that is cut to 32 bits', 'udata', 0x99aabbccn],
    ['fflags in another place', 'fflags', 7n],
    ['another filter', 'filter', -3n],
    ['data that is cut to 32 bits', 'data', 0xfedcba99n],
  ] as const)('detects %s in the second entry', (_, field, value) => {
    const made = kernelOf('darwin', {
      bend: (event, i) =>
        i === 1 && (event.flags === EV_ERROR) === isError
          ? { ...event, [field]: value }
          : event,
    });
    const found = findingsOf(made).find((finding) => finding.ok === false);
    expect(found?.name).toBe(name);
    expect(found?.says).toContain(`${field} of entry 1 is`);
    expect(found?.says).toContain('KQUEUE_FFI_ABI');
  });
});

test('detects a write after the last entry', () => {
  const made = kernelOf('darwin');
  const { kevent } = made.behaviour;
  made.behaviour.kevent = (call) => {
    const count = kevent?.(call) ?? 0;
    if (count !== 2) return count;
    const entry = { ident: 1n };
    call.answer(entry, entry, entry);
    return kevent?.(call) ?? 0;
  };
  const found = findingsOf(made).find((finding) => finding.ok === false);
  expect(found?.says).toContain('written after the 2 entries');
});

test('accepts the layout of a library that returns 0 for the entries it wrote', () => {
  const made = kernelOf('libkqueue');
  const { kevent } = made.behaviour;
  made.behaviour.kevent = (call) => {
    const count = kevent?.(call) ?? 0;
    const isReceipt = call.changes.length > 0 && count > 0;
    return isReceipt ? 0 : count;
  };
  const [errors] = findingsOf(made);
  expect(errors).toMatchObject({ name: 'errors', ok: true });
  expect(errors.says).toContain('returned 0 for the 2 entries');
});

test('detects a library that does nothing and reports success', () => {
  const behaviour: Behaviour = {
    kqueue: () => 60_000,
    kevent: () => 0,
    close: () => 0,
  };
  const findings = findingsOf(kernelOf('darwin', { behaviour }));
  expect(findings[0]).toMatchObject({ name: 'errors', ok: false });
  expect(findings[0].says).toContain('came back as 0 entries');
  // It is not poked any further.
  for (const { ok } of findings.slice(1)) expect(ok).toBeNull();
});

test('reports a kernel that refuses everything instead of throwing', () => {
  const made = kernelOf('darwin');
  made.behaviour = {
    kqueue: () => made.fail(24),
    kevent: () => made.fail(78),
    close: () => made.fail(9),
  };
  const [first] = findingsOf(made);
  expect(first.ok).toBe(false);
  expect(first.says).toContain('EMFILE');
});

test('detects an errno that is read from the wrong place', () => {
  const made = kernelOf('darwin');
  const { kevent } = made.behaviour;
  made.behaviour.kevent = (call) => {
    const count = kevent?.(call) ?? 0;
    return count < 0 ? made.fail(0) : count;
  };
  expect(wrongOf(made)).toEqual(['errno']);
});

test('omits the name of the home directory', () => {
  expect(replaceHome('/home/al/lib.so (in /home/al)', '/home/al')).toBe(
    '~/lib.so (in ~)',
  );
  expect(replaceHome('/home/alice/lib.so', '/home/al')).toBe(
    '/home/alice/lib.so',
  );
  expect(replaceHome('/usr/lib.so', '/')).toBe('/usr/lib.so');
});

gate(homedir().length > 1, 'there is no home to leave out')(
  'omits the home directory from a report of this process',
  async () => {
    const report = JSON.stringify(await doctor());
    expect(replaceHome(report)).toBe(report);
  },
);
