// Doubles of kernels: native functions made from closures that replace those of
// the C library. They read and write the bytes of a kernel, with the structs
// and signatures of the headers (fixtures/abi), not those of this library.
import koffi from 'koffi';
import { type KernelName, kernels } from '../../src/abi/kernels.js';
import type { Cpu, KernelFacts } from '../../src/abi/shape.js';
import { type KeventList, listFor } from '../../src/calls/kevent-list.js';
import { type Syscalls, syscallsOf } from '../../src/calls/syscalls.js';
import type { NativeFunction, NativeLibrary } from '../../src/ffi/library.js';
import { bindKernel } from '../../src/ffi/native-kernel.js';
import { hostCpu } from '../../src/host/host.js';
import type { Kernel } from '../../src/memory/kernel.js';
import {
  type Fixture,
  type FixtureField,
  type FixtureStruct,
  fixtureOf,
  kernelNames,
} from '../fixtures/abi/index.js';

/** The exact values of a struct by field; omitted fields are zero. */
export type Fields = Readonly<Record<string, bigint | readonly bigint[]>>;

/** How many elements a field has. */
export const countOf = ({ type }: FixtureField): number =>
  Number(/\[(\d+)\]$/.exec(type)?.[1] ?? 1);

/** A struct as the bytes a compiler of that CPU would make. */
export function toBytes(struct: FixtureStruct, values: Fields): Uint8Array {
  const bytes = new Uint8Array(struct.size);
  for (const [name, value] of Object.entries(values)) {
    const field = struct.fields[name];
    const width = field.size / countOf(field);
    for (const [i, element] of [value].flat().entries()) {
      for (let byte = 0; byte < width; byte++) {
        const at = field.offset + i * width + byte;
        bytes[at] = Number((element >> BigInt(8 * byte)) & 0xffn);
      }
    }
  }
  return bytes;
}

/** A field of a struct that was laid out as its header says. */
export function fieldAt(
  struct: FixtureStruct,
  bytes: Uint8Array,
  name: string,
): bigint {
  const { offset, size, signed } = struct.fields[name];
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) {
    value = (value << 8n) | BigInt(bytes[offset + i]);
  }
  return signed ? BigInt.asIntN(8 * size, value) : value;
}

/** The whole range of a field. */
export function rangeOf(field: FixtureField): { min: bigint; max: bigint } {
  const bits = BigInt((8 * field.size) / countOf(field));
  return field.signed
    ? { min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n }
    : { min: 0n, max: (1n << bits) - 1n };
}

/** The memory at an address, copied. */
const copy = (address: number, size: number): Uint8Array =>
  address === 0 || size === 0
    ? new Uint8Array()
    : new Uint8Array(koffi.view(BigInt(address), size)).slice();

/** One call of kevent as the kernel sees it, its memory copied. */
export interface KeventCall {
  readonly kq: number;
  /** Addresses: 0 for NULL. */
  readonly changelist: number;
  readonly nchanges: number;
  readonly eventlist: number;
  readonly nevents: number;
  /** Only kevent64 has them. */
  readonly flags: number | undefined;
  readonly timeout: number;
  /** The bytes of `nchanges` changes. */
  readonly changes: Uint8Array;
  /** The bytes of the struct timespec; none for NULL. */
  readonly timespec: Uint8Array;
  /** Write events to the event list: their number, to be returned. */
  readonly answer: (...events: readonly Fields[]) => number;
}

/** The behaviour of a kernel; each function may `fail`. */
export interface Behaviour {
  kqueue?: () => number;
  kevent?: (call: KeventCall) => number;
  close?: (fd: number) => number;
}

/** A way to call kevent: its symbol, its C signature and its struct. */
export interface Entry {
  readonly symbol: string;
  readonly parameters: readonly string[];
  readonly struct: string;
}

/** What the same library still exports for programs built long ago. */
const OLDER_ENTRIES: Readonly<Record<string, readonly string[]>> = {
  __kevent50: ['kevent'],
  __kevent100: ['__kevent50', 'kevent'],
  kevent64: ['kevent'],
};

const nativeType = (type: string): string =>
  type.endsWith('*') ? 'uintptr_t' : type.replace('unsigned int', 'uint');

/** The entries a fixture has for a symbol, as its header declares them. */
export function entryOf({ symbols }: Fixture, symbol: string): Entry {
  for (const entry of Object.values(symbols)) {
    const types = entry?.signature?.args.map(({ type }) => type) ?? [];
    const struct = /struct (\S+)\*/.exec(types[1] ?? '')?.[1];
    if (entry?.symbol === symbol && struct !== undefined) {
      return { symbol, struct, parameters: types.map(nativeType) };
    }
  }
  throw new Error(`no ${symbol} in the fixture`);
}

/** The symbol of one of a kernel's functions. */
export function symbolOf({ symbols }: Fixture, name: string): string {
  const symbol = symbols[name]?.symbol;
  if (symbol === undefined) throw new Error(`no ${name} in the fixture`);
  return symbol;
}

/** The declarations of the symbols that a library looked up. */
export interface Lookup {
  readonly symbol: string;
  readonly result: string;
  readonly parameters: readonly string[];
}

export interface DoubleOptions {
  readonly kernel: KernelName;
  /** By default this host's, if the kernel runs on it. */
  readonly cpu?: Cpu;
  /** The symbol of kevent; NetBSD has two. */
  readonly symbol?: string;
  /** Symbols that this library does not export. */
  readonly without?: readonly string[];
  readonly behaviour?: Behaviour;
}

/** A kernel made of closures, and this library bound to it. */
export class Double implements Disposable {
  readonly fixture: Fixture;
  readonly facts: KernelFacts;
  readonly cpu: Cpu;
  readonly entry: Entry;
  readonly struct: FixtureStruct;
  readonly timespec: FixtureStruct;
  behaviour: Behaviour;
  /** Each call of kevent so far. */
  readonly calls: KeventCall[] = [];
  readonly lookups: Lookup[] = [];
  readonly #pointers: bigint[] = [];
  readonly #exports = new Map<string, bigint>();
  readonly #errno = new Int32Array(1);
  readonly #ownErrno: boolean;

  constructor(options: DoubleOptions) {
    const { kernel, without = [], behaviour = {} } = options;
    this.facts = kernels[kernel];
    this.fixture = fixtureOf(kernel);
    const cpu =
      options.cpu ?? (hostCpu in this.fixture.arches ? hostCpu : 'x64');
    this.cpu = cpu;
    this.behaviour = behaviour;
    const symbol = options.symbol ?? symbolOf(this.fixture, 'kevent');
    this.entry = entryOf(this.fixture, symbol);
    this.struct = this.fixture.arches[cpu][`struct ${this.entry.struct}`];
    this.timespec = this.fixture.arches[cpu]['struct timespec'];
    const { parameters } = this.entry;
    this.#register('kqueue', 'int', [], () => this.#kqueue());
    this.#register(symbol, 'int', parameters, (...args) =>
      this.#kevent(...args),
    );
    this.#register('close', 'int', ['int'], (fd) => this.#close(fd));
    for (const older of OLDER_ENTRIES[symbol] ?? []) {
      this.#register(older, 'int', parameters, () => {
        throw new Error(`${older} takes another struct than ${symbol}`);
      });
    }
    const location = koffi.address(this.#errno.buffer);
    const errnoSymbol = symbolOf(this.fixture, 'errno');
    this.#register(errnoSymbol, 'uintptr_t', [], () => Number(location));
    for (const name of without) this.#exports.delete(name);
    this.#ownErrno = this.#exports.has(errnoSymbol);
  }

  #register(
    name: string,
    result: string,
    parameters: readonly string[],
    body: (...args: number[]) => number,
  ): void {
    // Anonymous: named koffi types of one process collide.
    const type = koffi.proto(result, [...parameters]);
    const pointer: bigint = koffi.register(body, koffi.pointer(type));
    this.#pointers.push(pointer);
    this.#exports.set(name, pointer);
  }

  #kqueue(): number {
    return this.behaviour.kqueue?.() ?? 3;
  }

  #close(fd: number): number {
    return this.behaviour.close?.(fd) ?? 0;
  }

  #kevent(...args: number[]): number {
    const [kq, changelist, nchanges, eventlist, nevents, ...rest] = args;
    const timeout = rest.pop() ?? 0;
    const [flags] = rest;
    const { size } = this.struct;
    const call: KeventCall = {
      kq,
      changelist,
      nchanges,
      eventlist,
      nevents,
      flags,
      timeout,
      changes: copy(changelist, nchanges * size),
      timespec: copy(timeout, this.timespec.size),
      answer: (...events) => {
        const all = events.length * size;
        const view = new Uint8Array(koffi.view(BigInt(eventlist), all));
        for (const [i, event] of events.entries()) {
          view.set(toBytes(this.struct, event), i * size);
        }
        return events.length;
      },
    };
    this.calls.push(call);
    return this.behaviour.kevent?.(call) ?? 0;
  }

  /** Set errno where this kernel keeps it: -1, to be returned. */
  fail(errno: number): number {
    if (this.#ownErrno) this.#errno[0] = errno;
    else this.failElsewhere(errno);
    return -1;
  }

  /** Set errno where the C library keeps it: -1, to be returned. */
  failElsewhere(errno: number): number {
    koffi.errno(errno);
    return -1;
  }

  /** The library that exports these functions. */
  get library(): NativeLibrary {
    return {
      name: 'libdouble.so',
      func: (symbol, result, args) => {
        this.lookups.push({ symbol, result, parameters: args });
        const pointer = this.#exports.get(symbol);
        if (pointer === undefined) return undefined;
        // Called as the library under test declares it, not as it is.
        const type = koffi.proto(result, [...args]);
        return koffi.decode(pointer, type) as NativeFunction;
      },
    };
  }

  /** Bind this library to it. */
  bind(): Kernel {
    return bindKernel(this.facts, this.cpu, this.library);
  }

  /** The public calls over it; those of kevent64 by the name of kevent. */
  open(): Pick<Syscalls, 'kqueue' | 'kevent' | 'close'> & {
    readonly list: (capacity: number) => KeventList;
  } {
    const kernel = this.bind();
    const calls = syscallsOf(() => kernel);
    const { words64 } = kernel;
    if (this.entry.symbol !== 'kevent64' || words64 === undefined) {
      return { ...calls, list: (capacity) => listFor(kernel.words, capacity) };
    }
    return {
      ...calls,
      kevent: (kq, changes, events, timeout) =>
        calls.kevent64(kq, changes, events, 0, timeout),
      list: (capacity) => listFor(words64, capacity),
    };
  }

  /** The bytes of change `i` of a call. */
  change({ changes }: KeventCall, i: number): Uint8Array {
    return changes.slice(i * this.struct.size, (i + 1) * this.struct.size);
  }

  [Symbol.dispose](): void {
    for (const pointer of this.#pointers) koffi.unregister(pointer);
  }
}

const doubles: Double[] = [];

/** A double that lives until the test file's `afterEach` calls `dispose`. */
export function double(options: DoubleOptions): Double {
  const made = new Double(options);
  doubles.push(made);
  return made;
}

export function disposeDoubles(): void {
  for (const made of doubles.splice(0)) made[Symbol.dispose]();
}

/** A kernel and one of its ways to call kevent. */
export interface EntryOf {
  readonly kernel: KernelName;
  readonly symbol: string;
}

const SYMBOLS: Partial<Record<KernelName, readonly string[]>> = {
  darwin: ['kevent', 'kevent64'],
  netbsd: ['__kevent50', '__kevent100'],
};

/** Each kernel with each of its ways to call kevent. */
export const everyEntry: readonly EntryOf[] = kernelNames.flatMap((kernel) =>
  (SYMBOLS[kernel] ?? ['kevent']).map((symbol) => ({ kernel, symbol })),
);
