import { existsSync, readFileSync } from 'node:fs';
import { constants as host } from 'node:os';
import { kernels } from '../../src/abi/kernels.js';
import type {
  ConstantGroup,
  Constants,
  KernelFacts,
} from '../../src/abi/shape.js';
import { gate } from '../conformance/cases.js';
import {
  fileOf,
  fixtureOf,
  groupsOf,
  kernelNames,
} from '../fixtures/abi/index.js';

/** Entry points of the kernels that are known, but not called. */
const NOT_CALLED = [
  'kevent64',
  'kevent_freebsd11',
  'kevent_legacy',
  'kevent_qos',
  'kqueue1',
  'kqueuex',
  'libkqueue_drain_pending_close',
];

const sorted = (table: Constants) => Object.entries(table).sort();

describe.each(kernelNames)('%s', (name) => {
  const kernel: KernelFacts = kernels[name];
  const fixture = fixtureOf(name);

  test('is listed under its own name', () => {
    expect(kernel.name).toBe(name);
  });

  test('has every constant of its header, and no other', () => {
    expect(sorted(kernel.constants)).toEqual(
      Object.entries(fixture.constants)
        .map(([constant, { value }]) => [constant, value])
        .sort(),
    );
  });

  test('puts each constant in its groups, and in no others', () => {
    const groups = (constant: string) =>
      groupsOf(kernel)
        .filter(([, table]) => Object.hasOwn(table, constant))
        .map(([group]) => group);
    for (const [constant, { group, alsoGroups = [] }] of Object.entries(
      fixture.constants,
    )) {
      expect([constant, ...groups(constant).sort()]).toEqual([
        constant,
        ...[group, ...alsoGroups].sort(),
      ]);
    }
  });

  test('gives a constant the same number in each of its groups', () => {
    for (const [, table] of groupsOf(kernel)) {
      expect(kernel.constants).toMatchObject({ ...table });
    }
    for (const [group, table] of Object.entries(kernel.fields)) {
      expect(kernel.groups[group as ConstantGroup]).toMatchObject({ ...table });
    }
  });

  test('marks the counters and markers that are not filters', () => {
    expect([...kernel.meta].sort()).toEqual(
      Object.keys(fixture.constants)
        .filter((constant) => fixture.constants[constant].meta)
        .sort(),
    );
  });

  test('has every errno of its header, and no other', () => {
    expect(sorted(kernel.errno)).toEqual(sorted(fixture.errno));
  });

  test('has every signal of its header, and no other', () => {
    expect(sorted(kernel.signals)).toEqual(sorted(fixture.signals));
  });

  test('names the timer units of its header and how they combine', () => {
    const {
      default: byDefault,
      encoding,
      absolute,
      ...units
    } = kernel.timerUnits;
    expect(byDefault).toBe(fixture.timerUnits.default);
    expect(
      Object.fromEntries(
        Object.values(units).map((unit) => [unit, kernel.constants[unit]]),
      ),
    ).toEqual(
      Object.fromEntries(
        Object.entries(fixture.timerUnits).filter(([key]) =>
          key.startsWith('NOTE_'),
        ),
      ),
    );
    expect(absolute && `${absolute} (${kernel.constants[absolute]})`).toBe(
      /^\w+ \(\d+\)/.exec(String(fixture.timerUnits.absolute))?.[0],
    );
    const numbers = Object.values(units).map((unit) => kernel.constants[unit]);
    const bits = numbers.every((number) => [1, 2, 4, 8].includes(number));
    expect(encoding).toBe(
      numbers.length === 0 ? 'none' : bits ? 'flags' : 'enumerated',
    );
    expect(Object.keys(kernel.fields['fflag:TIMER'] ?? {}).sort()).toEqual(
      encoding === 'enumerated' ? Object.values(units).sort() : [],
    );
  });

  test('maps each timer unit to the constant of that name', () => {
    const { seconds, milliseconds, microseconds, nanoseconds } =
      kernel.timerUnits;
    expect(['NOTE_SECONDS', undefined]).toContain(seconds);
    expect(['NOTE_MSECONDS', undefined]).toContain(milliseconds);
    expect(['NOTE_USECONDS', undefined]).toContain(microseconds);
    expect(['NOTE_NSECONDS', undefined]).toContain(nanoseconds);
  });

  test('lists the libraries that provide it', () => {
    const known = fixture.libraries.map(({ dlopen }) => dlopen);
    expect(kernel.libraries.slice(0, known.length)).toEqual(known);
    for (const library of kernel.libraries.slice(known.length)) {
      expect(fixture.libraries.map(({ note }) => note).join('\n')).toContain(
        library,
      );
    }
  });

  test('is called through symbols that its library exports', () => {
    const { kqueue, close, errno, kevent, kevent_11, ...others } =
      fixture.symbols;
    expect(kernel.symbols.kqueue).toEqual([kqueue?.symbol]);
    expect(kernel.symbols.close).toEqual([close?.symbol]);
    expect(kernel.symbols.errno).toEqual([errno?.symbol]);
    const entries = [kevent_11, kevent].filter((entry) => entry != null);
    expect(kernel.symbols.kevent).toEqual(
      entries.map(({ symbol, signature }) => {
        const type = (arg: string) =>
          signature?.args.find(({ name }) => name === arg)?.type;
        expect(type('nevents')).toBe(type('nchanges'));
        return {
          symbol,
          struct: type('eventlist')?.replace(/^struct (.*)\*$/, '$1'),
          counts: type('nchanges'),
        };
      }),
    );
    for (const other of Object.keys(others)) {
      expect(NOT_CALLED).toContain(other);
    }
  });

  const shared = new URL(
    `../../../shared/abi/${fileOf(name)}`,
    import.meta.url,
  );
  test('matches the extracted tables, where they are available', () => {
    if (existsSync(shared)) {
      expect(fixture).toEqual(JSON.parse(readFileSync(shared, 'utf8')));
    }
  });
});

test('does not call plain kevent on NetBSD, which takes an old timespec', () => {
  expect(kernels.netbsd.symbols.kevent.map(({ symbol }) => symbol)).toEqual([
    '__kevent100',
    '__kevent50',
  ]);
});

test('maps each platform to one kernel, and none to libkqueue', () => {
  const platforms = kernelNames.flatMap((name) => kernels[name].platforms);
  expect(new Set(platforms).size).toBe(platforms.length);
  expect(kernels.libkqueue.platforms).toEqual([]);
});

const ours = Object.values(kernels).find((kernel: KernelFacts) =>
  kernel.name === 'libkqueue'
    ? process.platform === 'linux'
    : kernel.platforms.includes(process.platform),
);

gate(ours !== undefined, 'no kernel here has a table')(
  'has the errno and signal numbers that Node has for this system',
  () => {
    const inBoth = (table: Constants, system: object) =>
      Object.fromEntries(
        Object.entries(system).filter(([key]) => Object.hasOwn(table, key)),
      );
    const { errno: ourErrno = {}, signals: ourSignals = {} } = ours ?? {};
    const errno = inBoth(ourErrno, host.errno);
    expect(Object.keys(errno).length).toBeGreaterThan(70);
    expect(ourErrno).toMatchObject(errno);
    const signals = inBoth(ourSignals, host.signals);
    expect(Object.keys(signals).length).toBeGreaterThan(28);
    expect(ourSignals).toMatchObject(signals);
  },
);

test('keeps literal types, so that a switch over filters narrows', () => {
  const darwin: -1 = kernels.darwin.constants.EVFILT_READ;
  const netbsd: 0 = kernels.netbsd.constants.EVFILT_READ;
  const exit: 0x80000000 = kernels.freebsd.constants.NOTE_EXIT;
  const again: 35 = kernels.openbsd.errno.EAGAIN;
  // @ts-expect-error DragonFly has no timer units.
  const unit = kernels.dragonfly.constants.NOTE_SECONDS;
  expect([darwin, netbsd, exit, again, unit]).toEqual([
    -1,
    0,
    2 ** 31,
    35,
    undefined,
  ]);
});
