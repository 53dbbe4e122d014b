import { filterName, type KernelFacts } from '../abi.js';
import type { KeventInit } from '../index.js';
import { UsageError } from './failure.js';

const NUMBER = /^-?(?:\d+|0x[\da-f]+)$/i;

function numberOf(word: string, what: string): bigint {
  if (!NUMBER.test(word)) {
    throw new UsageError(`${what} must be a number: not '${word}'`);
  }
  return word.startsWith('-') ? -BigInt(word.slice(1)) : BigInt(word);
}

const small = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

type Table = Readonly<Record<string, number>>;

/** A name in a table, with a prefix or without. */
function named(table: Table, prefix: string, word: string): number | undefined {
  const upper = word.toUpperCase();
  const name = upper.startsWith(prefix) ? upper : prefix + upper;
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Names and numbers, joined by |. */
function bitsOf(
  table: Table,
  prefix: string,
  word: string,
  what: string,
): number {
  let bits = 0n;
  for (const part of word.split('|')) {
    const known = named(table, prefix, part);
    if (known === undefined && !NUMBER.test(part)) {
      throw new UsageError(`${what}: there is no '${part}'`);
    }
    bits |= known === undefined ? numberOf(part, what) : BigInt(known);
  }
  if (bits < -0x80000000n || bits > 0xffffffffn) {
    throw new UsageError(`${what} must fit 32 bits: not '${word}'`);
  }
  return Number(bits);
}

/** A kevent from its fields, each as a number or as names. */
export function keventOf(
  facts: KernelFacts,
  words: readonly string[],
): KeventInit {
  const [ident, filter, flags = '0', fflags = '0', data = '0', udata = '0'] =
    words;
  if (filter === undefined) {
    throw new UsageError('a kevent has at least an ident and a filter');
  }
  if (words.length > 6) throw new UsageError(`one too many: '${words[6]}'`);
  const number =
    named(facts.groups.filter, 'EVFILT_', filter) ??
    Number(numberOf(filter, 'the filter'));
  const name = filterName(facts, number)?.slice('EVFILT_'.length);
  const notes = name === undefined ? {} : facts.groups[`fflag:${name}`];
  const signal = named(facts.signals, 'SIG', ident);
  return {
    ident:
      name === 'SIGNAL' && signal !== undefined
        ? signal
        : small(numberOf(ident, 'the ident')),
    filter: number,
    flags: bitsOf(facts.groups.flag, 'EV_', flags, 'the flags'),
    fflags: bitsOf(notes ?? {}, 'NOTE_', fflags, 'the fflags'),
    data: Object.hasOwn(facts.errno, data)
      ? facts.errno[data]
      : small(numberOf(data, 'the data')),
    udata: small(numberOf(udata, 'the udata')),
  };
}
