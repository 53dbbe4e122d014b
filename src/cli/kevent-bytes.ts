import {
  type FieldLayout,
  type KernelFacts,
  layoutOf,
  type StructLayout,
} from '../abi.js';
import type { KeventInit } from '../index.js';
import { UsageError } from './failure.js';

/** Fewer digits than the smallest struct has are a number. */
const FEWEST_DIGITS = 40;

/** Parse bytes. Returns `undefined` if the words are not bytes. */
export function parseBytes(words: readonly string[]): Uint8Array | undefined {
  const parts = words.flatMap((word) => word.split(/[\s,]+/));
  const digits = parts
    .map((part) => part.replace(/^0x(?=[\da-f]{2}$)/i, '').replace(/\\x/g, ''))
    .join('');
  if (digits.length < FEWEST_DIGITS || !/^[\da-f]+$/i.test(digits)) {
    return undefined;
  }
  if (digits.length % 2 === 1) {
    throw new UsageError(`${digits.length} hex digits are not whole bytes`);
  }
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

/** The structs of a kernel, those of its calls first. */
const structsOf = (facts: KernelFacts): readonly string[] => [
  ...new Set([
    ...facts.symbols.kevent.map(({ struct }) => struct),
    ...Object.keys(facts.structs).filter((name) => name.includes('kevent')),
  ]),
];

function chooseLayout(
  facts: KernelFacts,
  length: number,
  cpu: string,
  struct: string | undefined,
): StructLayout {
  const known = facts.cpus.find((name) => name === cpu);
  if (known === undefined) {
    throw new UsageError(
      `--cpu must be one of ${facts.cpus.join(', ')}: not '${cpu}'`,
    );
  }
  const names = structsOf(facts);
  if (struct !== undefined && !names.includes(struct)) {
    throw new UsageError(
      `--struct must be one of ${names.join(', ')}: not '${struct}'`,
    );
  }
  const layouts = (struct === undefined ? names : [struct]).map((name) => ({
    name,
    layout: layoutOf(facts, known, name),
  }));
  const fitting = layouts.filter(({ layout }) => length % layout.size === 0);
  if (fitting.length === 0) {
    const sizes = layouts
      .map(({ name, layout }) => `${name} has ${layout.size}`)
      .join(', ');
    throw new UsageError(
      `${length} bytes are not a whole number of ${facts.name}'s structs: ${sizes}`,
    );
  }
  // Prefer one entry of a large struct to several of a small one.
  const one = fitting.find(({ layout }) => layout.size === length);
  return (one ?? fitting[0]).layout;
}

function read(
  view: DataView,
  { offset, size, signed, count }: FieldLayout,
  at: number,
): bigint[] {
  return Array.from({ length: count }, (_, i) => {
    let value = 0n;
    for (let byte = size - 1; byte >= 0; byte--) {
      const next = view.getUint8(at + offset + i * size + byte);
      value = (value << 8n) | BigInt(next);
    }
    return signed ? BigInt.asIntN(8 * size, value) : value;
  });
}

/**
 * Decode bytes as an array of a kernel's struct. All its CPUs are
 * little-endian.
 */
export function decodeRecords(
  facts: KernelFacts,
  bytes: Uint8Array,
  cpu = 'x64',
  struct?: string,
): KeventInit[] {
  const layout = chooseLayout(facts, bytes.length, cpu, struct);
  const view = new DataView(bytes.buffer);
  const { ident, filter, flags, fflags, data, udata, ext } = layout.fields;
  return Array.from({ length: bytes.length / layout.size }, (_, i) => {
    const at = i * layout.size;
    const one = (field: FieldLayout): bigint => read(view, field, at)[0];
    return {
      ident: one(ident),
      filter: Number(one(filter)),
      flags: Number(one(flags)),
      fflags: Number(one(fflags)),
      data: one(data),
      udata: one(udata),
      ...(ext === undefined ? {} : { ext: read(view, ext, at) }),
    };
  });
}
