import { filterName, type KernelFacts, layoutOf } from '../abi.js';
import type { KeventInit } from '../index.js';
import { UsageError } from './failure.js';
import { suggest } from './suggestion.js';

const NUMBER = /^-?(?:\d+|0x[\da-f]+)$/i;

type Field = 'ident' | 'filter' | 'flags' | 'fflags' | 'data' | 'udata';

function numberOf(word: string, field: Field): bigint {
  if (!NUMBER.test(word)) {
    throw new UsageError(`the ${field} must be a number: not '${word}'`);
  }
  return word.startsWith('-') ? -BigInt(word.slice(1)) : BigInt(word);
}

/** Check that a number fits the struct of a kernel. */
function checkFits(
  facts: KernelFacts,
  word: string,
  field: Field,
  value: bigint = numberOf(word, field),
): number | bigint {
  const [{ struct }] = facts.symbols.kevent;
  const { size, signed } = layoutOf(facts, 'x64', struct).fields[field];
  const half = 1n << BigInt(8 * size - 1);
  if (value < -half || value >= (signed ? half : 2n * half)) {
    throw new UsageError(
      `the ${field} must fit ${8 * size} bits: not '${word}'`,
    );
  }
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

type Table = Readonly<Record<string, number>>;

/** Find a name in a table, with or without its prefix. */
function lookUpName(
  table: Table,
  prefix: string,
  word: string,
): number | undefined {
  const upper = word.toUpperCase();
  const name = upper.startsWith(prefix) ? upper : prefix + upper;
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Parse names and numbers that are joined by |. */
function bitsOf(
  facts: KernelFacts,
  table: Table,
  prefix: string,
  word: string,
  field: Field,
): number {
  let bits = 0n;
  for (const part of word.split('|')) {
    const known = lookUpName(table, prefix, part);
    if (known === undefined && !NUMBER.test(part)) {
      const near = suggest(part, Object.keys(table), prefix);
      throw new UsageError(`unknown name '${part}' in the ${field}${near}`);
    }
    bits |= known === undefined ? numberOf(part, field) : BigInt(known);
  }
  return Number(checkFits(facts, word, field, bits));
}

function filterOf(facts: KernelFacts, word: string): number {
  const { filter: table } = facts.groups;
  const known = lookUpName(table, 'EVFILT_', word);
  if (known === undefined && !NUMBER.test(word)) {
    const near = suggest(word, Object.keys(table), 'EVFILT_');
    throw new UsageError(`there is no filter '${word}'${near}`);
  }
  return known ?? Number(checkFits(facts, word, 'filter'));
}

/** Parse a kevent from its fields, each a number or names. */
export function parseKevent(
  facts: KernelFacts,
  words: readonly string[],
): KeventInit {
  const [ident, filter, flags = '0', fflags = '0', data = '0', udata = '0'] =
    words;
  if (filter === undefined) {
    throw new UsageError('a kevent has at least an ident and a filter');
  }
  if (words.length > 6)
    throw new UsageError(`unexpected argument '${words[6]}'`);
  const number = filterOf(facts, filter);
  const name = filterName(facts, number)?.slice('EVFILT_'.length);
  const notes = name === undefined ? {} : facts.groups[`fflag:${name}`];
  const signal = lookUpName(facts.signals, 'SIG', ident);
  return {
    ident:
      name === 'SIGNAL' && signal !== undefined
        ? signal
        : checkFits(facts, ident, 'ident'),
    filter: number,
    flags: bitsOf(facts, facts.groups.flag, 'EV_', flags, 'flags'),
    fflags: bitsOf(facts, notes ?? {}, 'NOTE_', fflags, 'fflags'),
    data: Object.hasOwn(facts.errno, data)
      ? facts.errno[data]
      : checkFits(facts, data, 'data'),
    udata: checkFits(facts, udata, 'udata'),
  };
}
