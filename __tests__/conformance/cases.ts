// One test per case of the list, and the handling of cases that deviate.
import { openSync } from 'node:fs';
import { constants as os, release } from 'node:os';
import { stripVTControlCharacters } from 'node:util';
import { kernel } from '../../src/index.js';
import { refusal } from './calls.js';
import { constant, EV_ADD } from './constants.js';
import { caseDeviation, unplayable } from './deviations.js';
import { knownDifference } from './differences.js';
import { note } from './journal.js';
import { hasUnixDiag } from './libc.js';
import { adopt, dispose, inetSocket, kqueue } from './world.js';

type Body = () => void | Promise<void>;

const isAssertion = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'matcherResult' in error;

async function outcome(body: Body): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    if (isAssertion(error)) return error;
    throw error;
  }
  return undefined;
}

/** Read from source only: a real Darwin says how it is, and cannot fail. */
const TO_CONFIRM = new Set(
  'C09 T07 D03 D15 R22 R33 R45 R48 V08 V24 M11 U03 U04'.split(' '),
);

/** A body that cannot fail: its error is recorded. */
function reporting(
  id: string,
  title: string,
  body: (...values: readonly unknown[]) => unknown,
): (...values: readonly unknown[]) => Promise<void> {
  return async (...values) => {
    let otherwise: string | null = null;
    try {
      await body(...values);
    } catch (error) {
      otherwise = plain(error instanceof Error ? error.message : `${error}`);
    }
    record({ id, title, otherwise });
  };
}

/** A test that records the behaviour of this kernel, and cannot fail. */
export function confirmCase(id: string, title: string, body: Body): void {
  test(`${id} (confirm) ${title}`, reporting(id, title, body));
}

/** Without the colours of a terminal. */
const plain = (text: string): string => stripVTControlCharacters(text);

/** Print the behaviour of this kernel, where the spec needs confirmation. */
function record(finding: {
  readonly id: string;
  readonly title: string;
  readonly otherwise: string | null;
}): void {
  const { id, title, otherwise } = finding;
  const said = otherwise === null ? 'as specified' : `otherwise:\n${otherwise}`;
  console.log(`${id} ${title}: ${said}`);
  note({ finding });
}

/** The behaviour of a deviating kernel, by the name of the kernel. */
export type Instead = Readonly<Record<string, Body>>;

/**
 * The test of case `id`. Where the table of deviations lists the case for this
 * kernel, its body must fail and the body of `instead` must pass: a deviation
 * is a behaviour of its own, and changes no more than any other unnoticed.
 */
export function caseTest(
  id: string,
  title: string,
  body: Body,
  instead: Instead = {},
): void {
  if (kernel.name === 'darwin' && TO_CONFIRM.has(id)) {
    confirmCase(id, title, body);
    return;
  }
  const difference = knownDifference('cases', id);
  if (difference !== undefined) {
    confirmCase(id, `${title} (differs: ${difference})`, body);
    return;
  }
  const row = caseDeviation(id);
  const { [kernel.name]: had } = instead;
  if (row === undefined && had === undefined) {
    test(`${id} ${title}`, async () => body());
    return;
  }
  if (row === undefined || had === undefined) {
    throw new Error(`${id}: the table and the test differ on ${kernel.name}`);
  }
  test(`${id} deviates (${row.rule}, ${row.reason}): ${title}`, async () => {
    if ((await outcome(body)) === undefined) {
      throw new Error(`${id} no longer deviates: take it from the table`);
    }
    dispose();
    await had();
  });
}

/** `test` and `test.each`, for tests whose titles begin with a rule. */
interface RuleTest {
  (title: string, body: Body, ms?: number): void;
  readonly each: jest.Each;
}

type RuleBody = Parameters<typeof reporting>[2];

/** The title and the body of a test, where the kernel is known to differ. */
function ofRule(title: string, body: RuleBody): [string, RuleBody] {
  const [id = ''] = title.split(' ', 1);
  const difference = knownDifference('rules', id);
  if (difference === undefined) return [title, body];
  const name = `${title.slice(id.length + 1)} (differs: ${difference})`;
  return [`${id} (confirm) ${name}`, reporting(id, name, body)];
}

type Declare = (title: string, body: RuleBody, ms?: number) => void;

/** The test of a rule, which one of another kernel may be known to break. */
export const ruleTest: RuleTest = Object.assign(
  (title: string, body: Body, ms?: number) =>
    (test as Declare)(...ofRule(title, body), ms),
  {
    each: ((...rows: [readonly unknown[]]) =>
      (title: string, body: RuleBody, ms?: number) =>
        (test.each(...rows) as Declare)(
          ...ofRule(title, body),
          ms,
        )) as unknown as jest.Each,
  },
);

const [major = 0, minor = 0] = release().split('.').map(Number);

/** What some releases and builds of Linux cannot do; other systems can. */
export const host = {
  /** PIDFD_GET_INFO has the exit status: Linux 6.15. */
  reportsExitStatus:
    process.platform !== 'linux' || major > 6 || (major === 6 && minor >= 15),
  hasUnixDiag: process.platform !== 'linux' || hasUnixDiag(),
};

/** A case about AF_UNIX sockets that needs sock_diag(7). */
export function unixDiagCase(id: string, title: string, body: Body): void {
  if (host.hasUnixDiag) caseTest(id, title, body);
  else gate(false, 'no unix_diag in this kernel')(`${id} ${title}`, body);
}

/** A case that one realm cannot set up, with the reason the table gives. */
export function unplayableCase(id: string, title: string): void {
  const row = unplayable.find((candidate) => candidate.id === id);
  if (row === undefined) throw new Error(`${id} has no reason in the table`);
  gate(false, `${row.rule}: ${row.reason}`)(`${id} ${title}`, () => {});
}

/** `test`, or a skip whose name ends with the reason. */
export function gate(
  open: boolean,
  reason: string,
): (name: string, body: Body) => void {
  if (open) return (name, body) => test(name, async () => body());
  return (name, body) =>
    test.skip(`${name} [gate: ${reason}]`, async () => body());
}

/**
 * A test whose assertions depend on how busy the machine is: it may fail
 * twice. The right kernel passes on a quiet machine, the wrong one never.
 */
export async function timed(body: Body): Promise<void> {
  const ATTEMPTS = 3;
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    if ((await outcome(body)) === undefined) return;
  }
  await body();
}

const probes: Readonly<Record<string, () => number>> = {
  EVFILT_VNODE: () => adopt(openSync('/', 'r')),
  EVFILT_EXCEPT: () => inetSocket(),
  EVFILT_PROC: () => process.pid,
  EVFILT_SIGNAL: () => os.signals.SIGWINCH,
  EVFILT_FS: () => 1,
};
const NOTES: Readonly<Record<string, string>> = {
  EVFILT_VNODE: 'NOTE_DELETE',
  EVFILT_PROC: 'NOTE_EXIT',
};

const answers = new Map<string, boolean>();

/** Whether the kernel in use has that filter at all. */
export function hasFilter(name: string): boolean {
  const probe = probes[name];
  if (probe === undefined) return true;
  let answer = answers.get(name);
  if (answer === undefined) {
    const filter = constant(name);
    const fflags = constant(NOTES[name] ?? 'NOTE_FFNOP') || 0;
    const flags = EV_ADD;
    try {
      const add = { ident: probe(), filter, flags, fflags };
      answer = !Number.isNaN(filter) && refusal(kqueue(), add) !== 'ENOTSUP';
    } catch {
      // No kernel at all: each test says so itself.
      answer = false;
    } finally {
      dispose();
    }
    answers.set(name, answer);
  }
  return answer;
}

/** {@link caseTest}, gated by whether the kernel has these filters. */
export function caseWith(
  filters: readonly string[],
  id: string,
  title: string,
  body: Body,
  instead?: Instead,
): void {
  const missing = filters.filter((name) => !hasFilter(name));
  if (missing.length === 0) caseTest(id, title, body, instead);
  else gate(false, `no ${missing.join(', ')}`)(`${id} ${title}`, body);
}
