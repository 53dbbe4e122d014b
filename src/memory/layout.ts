import type { Cpu, CType, KernelFacts } from '../abi/index.js';
import { misuse } from '../errors.js';

/** The position of one field of a struct, in bytes. */
export interface FieldLayout {
  readonly name: string;
  readonly offset: number;
  /** The size of one element. */
  readonly size: number;
  readonly signed: boolean;
  readonly pointer: boolean;
  /** The number of elements: 1 unless the field is an array. */
  readonly count: number;
}

/** The layout of a C struct, in bytes. */
export interface StructLayout {
  readonly size: number;
  readonly align: number;
  readonly fields: Readonly<Record<string, FieldLayout>>;
}

const POINTER_SIZE: Readonly<Record<Cpu, 4 | 8>> = {
  x64: 8,
  arm64: 8,
  ia32: 4,
  arm: 4,
};

/** The i386 System V ABI aligns 64-bit integers to 4; all others to 8. */
const INT64_ALIGN: Readonly<Record<Cpu, 4 | 8>> = {
  x64: 8,
  arm64: 8,
  ia32: 4,
  arm: 8,
};

const SIGNED: Readonly<Record<CType, boolean>> = {
  int16: true,
  uint16: false,
  int32: true,
  uint32: false,
  int64: true,
  uint64: false,
  intptr: true,
  uintptr: false,
  pointer: false,
  long: true,
  time_t: true,
};

const sizeOf = (type: CType, kernel: KernelFacts, cpu: Cpu): number => {
  switch (type) {
    case 'int16':
    case 'uint16':
      return 2;
    case 'int32':
    case 'uint32':
      return 4;
    case 'int64':
    case 'uint64':
      return 8;
    case 'time_t':
      return kernel.timeT?.[cpu] === 'int32' ? 4 : 8;
    default:
      return POINTER_SIZE[cpu];
  }
};

const ACTION = 'lay out a struct';

const isFacts = (value: unknown): value is KernelFacts =>
  typeof value === 'object' &&
  value !== null &&
  'structs' in value &&
  typeof value.structs === 'object' &&
  value.structs !== null &&
  'cpus' in value &&
  Array.isArray(value.cpus);

/** Check a name against the known names. */
function checkName(
  name: string,
  value: unknown,
  known: readonly string[],
): void {
  const message = misuse(ACTION, name, `one of ${known.join(', ')}`, value);
  if (typeof value !== 'string') throw new TypeError(message);
  if (!known.includes(value)) throw new RangeError(message);
}

/**
 * Compute the layout of a struct by the rules of C. Each field is at the next multiple
 * of its alignment, and the size is rounded up to the largest alignment.
 *
 * @throws {TypeError} If an argument has a wrong type.
 * @throws {RangeError} If the struct or the CPU is unknown.
 */
export function layoutOf(
  kernel: KernelFacts,
  cpu: Cpu,
  struct: string,
): StructLayout {
  if (!isFacts(kernel)) {
    throw new TypeError(
      misuse(ACTION, 'kernel', 'a table of a kernel', kernel),
    );
  }
  checkName('struct', struct, Object.keys(kernel.structs));
  checkName('cpu', cpu, kernel.cpus);
  const facts = kernel.structs[struct];
  const fields: Record<string, FieldLayout> = {};
  let offset = 0;
  let align = 1;
  for (const { name, type, count = 1 } of facts.fields) {
    const size = sizeOf(type, kernel, cpu);
    const natural = size === 8 ? INT64_ALIGN[cpu] : size;
    const fieldAlign = Math.min(natural, facts.pack ?? natural);
    offset = Math.ceil(offset / fieldAlign) * fieldAlign;
    fields[name] = {
      name,
      offset,
      size,
      signed: SIGNED[type],
      pointer: type === 'pointer',
      count,
    };
    offset += size * count;
    align = Math.max(align, fieldAlign);
  }
  return { size: Math.ceil(offset / align) * align, align, fields };
}
