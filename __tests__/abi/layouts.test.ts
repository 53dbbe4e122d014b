import koffi from 'koffi';
import { kernels } from '../../src/abi/kernels.js';
import type { Cpu, CType, KernelFacts } from '../../src/abi/shape.js';
import { layoutOf } from '../../src/memory/layout.js';
import {
  type FixtureField,
  type FixtureStruct,
  fixtureOf,
  kernelNames,
} from '../fixtures/abi/index.js';

const structsOf = (arch: Readonly<Record<string, FixtureStruct>>) =>
  Object.keys(arch)
    .filter((key) => key.startsWith('struct '))
    .map((key) => key.slice('struct '.length));

const fieldOf = (
  name: string,
  { offset, size, signed, type }: FixtureField,
) => {
  const count = Number(/\[(\d+)\]$/.exec(type)?.[1] ?? 1);
  const pointer = type === 'pointer';
  return { name, offset, size: size / count, signed, pointer, count };
};

/** Every struct of every kernel on every CPU the fixtures know. */
const everyStruct = kernelNames.flatMap((kernel) =>
  Object.entries(fixtureOf(kernel).arches).flatMap(([cpu, arch]) =>
    structsOf(arch).map((struct) => ({ kernel, cpu: cpu as Cpu, struct })),
  ),
);

const KOFFI_TYPES: Readonly<Record<CType, string>> = {
  int16: 'int16_t',
  uint16: 'uint16_t',
  int32: 'int32_t',
  uint32: 'uint32_t',
  int64: 'int64_t',
  uint64: 'uint64_t',
  intptr: 'intptr_t',
  uintptr: 'uintptr_t',
  pointer: 'void *',
  long: 'long',
  time_t: 'int64_t',
};

/** Declare a struct the way its header does, and let koffi lay it out. */
const koffiStruct = (kernel: KernelFacts, struct: string) => {
  const { fields, pack } = kernel.structs[struct];
  return koffi.struct(
    Object.fromEntries(
      fields.map(({ name, type, count }) => {
        const one = koffi.type(KOFFI_TYPES[type]);
        const whole = count === undefined ? one : koffi.array(one, count);
        return [
          name,
          pack === undefined
            ? whole
            : [Math.min(pack, koffi.alignof(one)), whole],
        ];
      }),
    ),
  );
};

describe.each(kernelNames)('%s', (name) => {
  const kernel: KernelFacts = kernels[name];
  const { arches } = fixtureOf(name);

  test('has a layout for exactly the CPUs its headers were compiled for', () => {
    expect([...kernel.cpus].sort()).toEqual(Object.keys(arches).sort());
  });

  test('has exactly the structs of its headers', () => {
    for (const arch of Object.values(arches)) {
      expect(Object.keys(kernel.structs).sort()).toEqual(
        structsOf(arch).sort(),
      );
    }
  });

  test('calls kevent only with structs it describes', () => {
    for (const { struct } of kernel.symbols.kevent) {
      expect(Object.keys(kernel.structs)).toContain(struct);
    }
  });

  test('lists the fields of a struct in memory order', () => {
    for (const cpu of kernel.cpus) {
      for (const [struct, { fields }] of Object.entries(kernel.structs)) {
        const layout = layoutOf(kernel, cpu, struct);
        const offsets = fields.map((field) => layout.fields[field.name].offset);
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      }
    }
  });
});

test.each(everyStruct)(
  'struct $struct has the layout of a C compiler for $kernel on $cpu',
  ({ kernel, cpu, struct }) => {
    const { size, align, fields } =
      fixtureOf(kernel).arches[cpu][`struct ${struct}`];
    expect(layoutOf(kernels[kernel], cpu, struct)).toEqual({
      size,
      align,
      fields: Object.fromEntries(
        Object.entries(fields).map(([name, field]) => [
          name,
          fieldOf(name, field),
        ]),
      ),
    });
  },
);

test.each(everyStruct.filter(({ cpu }) => cpu === process.arch))(
  'koffi computes the same layout of struct $struct of $kernel on this $cpu host',
  ({ kernel, cpu, struct }) => {
    const layout = layoutOf(kernels[kernel], cpu, struct);
    const declared = koffiStruct(kernels[kernel], struct);
    expect(koffi.sizeof(declared)).toBe(layout.size);
    expect(koffi.alignof(declared)).toBe(layout.align);
    for (const { name, offset } of Object.values(layout.fields)) {
      expect([name, koffi.offsetof(declared, name)]).toEqual([name, offset]);
    }
  },
);

test('rejects an unknown struct or CPU by name', () => {
  expect(() => layoutOf(kernels.darwin, 'x64', 'kevent@11')).toThrow(
    new RangeError(
      'Cannot lay out a struct as \'struct\' must be one of kevent, kevent64_s, kevent_qos_s, timespec: received "kevent@11"',
    ),
  );
  expect(() => layoutOf(kernels.dragonfly, 'arm64', 'kevent')).toThrow(
    new RangeError(
      'Cannot lay out a struct as \'cpu\' must be one of x64: received "arm64"',
    ),
  );
});
