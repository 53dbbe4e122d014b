// One test per case of the list, and what becomes of those that deviate.
import { kernel } from '../../src/index.js';
import { caseDeviation, unplayable } from './deviations.js';

type Body = () => void | Promise<void>;

const isAssertion = (error: unknown): boolean =>
  error instanceof Error && 'matcherResult' in error;

async function outcome(body: Body): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    if (isAssertion(error)) return error;
    throw error;
  }
  return undefined;
}

/**
 * The test of case `id`. Where the table of deviations has it for this
 * kernel, an assertion in it must fail.
 */
export function caseTest(id: string, title: string, body: Body): void {
  const row = caseDeviation(id);
  if (row === undefined) {
    test(`${id} ${title}`, async () => body());
    return;
  }
  test(`${id} deviates (${row.rule}, ${row.reason}): ${title}`, async () => {
    if ((await outcome(body)) === undefined) {
      throw new Error(`${id} no longer deviates: take it from the table`);
    }
  });
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

/** Filters that the Linux kernel does not have yet: a later issue's. */
export const NOT_BUILT = [
  'EVFILT_VNODE',
  'EVFILT_PROC',
  'EVFILT_SIGNAL',
  'EVFILT_FS',
  'EVFILT_EXCEPT',
];

const isBuilt = (name: string): boolean =>
  kernel.name !== 'linux' || !NOT_BUILT.includes(name);

/** The test of a case whose filter may not exist yet. */
export const caseOf = (name: string): ((name: string, body: Body) => void) =>
  gate(isBuilt(name), 'filter not built yet');
