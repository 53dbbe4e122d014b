import type {
  Cpu,
  CType,
  KernelFacts,
  KeventSymbol,
  StructFacts,
} from '../abi/index.js';
import { hostCpu } from '../host/index.js';
import {
  type Kernel,
  type KeventMemory,
  type KeventWords,
  layoutOf,
  type StructLayout,
  type TimespecMemory,
  wordsOf,
} from '../memory/index.js';
import { errnoCell } from './errno-cell.js';
import { koffi } from './koffi.js';
import {
  loadError,
  type NativeFunction,
  type NativeLibrary,
  type NativeType,
  openFirst,
  openLibrary,
} from './library.js';
import { addressOf } from './native-block.js';

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

/** koffi's layout of the same struct on this machine. */
export function koffiLayout(
  facts: KernelFacts,
  cpu: Cpu,
  struct: StructFacts,
): { size: number; offsets: Record<string, number> } {
  const k = koffi();
  const members: Record<string, [number, ReturnType<typeof k.type>]> = {};
  for (const { name, type, count = 1 } of struct.fields) {
    const spelled =
      type === 'time_t' && facts.timeT?.[cpu] === 'int32'
        ? 'int32_t'
        : KOFFI_TYPES[type];
    const element = k.type(spelled);
    const align = Math.min(k.alignof(element), struct.pack ?? 16);
    members[name] = [align, count === 1 ? element : k.array(element, count)];
  }
  // Anonymous, because named types of one process collide.
  const declared = k.struct(members);
  const offsets: Record<string, number> = {};
  for (const { name } of struct.fields) {
    offsets[name] = k.offsetof(declared, name);
  }
  return { size: k.sizeof(declared), offsets };
}

/** Throw if koffi's layout of a struct differs from ours. */
function verify(
  facts: KernelFacts,
  cpu: Cpu,
  name: string,
  layout: StructLayout,
): void {
  const { size, offsets } = koffiLayout(facts, cpu, facts.structs[name]);
  const wrong = Object.values(layout.fields).find(
    (field) => offsets[field.name] !== field.offset,
  );
  if (size !== layout.size || wrong !== undefined) {
    throw loadError(
      `struct ${name} of ${facts.name} is ${layout.size} bytes here and ${size} to koffi${wrong === undefined ? '' : `, and ${wrong.name} is at ${wrong.offset} and ${offsets[wrong.name]}`}, which is a defect of this library`,
    );
  }
}

function find(
  library: NativeLibrary,
  names: readonly string[],
  args: readonly NativeType[],
  spare?: NativeLibrary,
): NativeFunction {
  for (const name of names) {
    const fn =
      library.func(name, 'int', args) ?? spare?.func(name, 'int', args);
    if (fn !== undefined) return fn;
  }
  throw loadError(`${library.name} has no symbol ${names.join(' or ')}`);
}

function findKevent(
  library: NativeLibrary,
  symbols: readonly KeventSymbol[],
): { call: NativeFunction; symbol: KeventSymbol } {
  for (const symbol of symbols) {
    // Integers instead of pointers: koffi then takes its fastest path.
    const call = library.func(symbol.symbol, 'int', [
      'int',
      'uintptr_t',
      symbol.counts,
      'uintptr_t',
      symbol.counts,
      'uintptr_t',
    ]);
    if (call !== undefined) return { call, symbol };
  }
  const names = symbols.map(({ symbol }) => symbol).join(' or ');
  throw loadError(`${library.name} has no symbol ${names}`);
}

/** Bind kevent64, if the kernel has its struct and the library its symbol. */
function bindKevent64(
  facts: KernelFacts,
  cpu: Cpu,
  library: NativeLibrary,
): { call: NativeFunction; words: KeventWords } | undefined {
  if (facts.structs.kevent64_s === undefined) return undefined;
  const call = library.func('kevent64', 'int', [
    'int',
    'uintptr_t',
    'int',
    'uintptr_t',
    'int',
    'uint',
    'uintptr_t',
  ]);
  if (call === undefined) return undefined;
  const layout = layoutOf(facts, cpu, 'kevent64_s');
  if (cpu === hostCpu) verify(facts, cpu, 'kevent64_s', layout);
  return { call, words: wordsOf(layout) };
}

/**
 * The errno of this thread as the library stores it. If it is 0, the failed
 * call belongs to another library: a close from the C library.
 */
function errnoOf(
  facts: KernelFacts,
  library: NativeLibrary,
): { read(): number; clear(): void } {
  for (const name of facts.symbols.errno) {
    const location = library.func(name, 'uintptr_t', []);
    if (location === undefined) continue;
    const cell = errnoCell(location());
    return {
      read: () => cell.read() || koffi().errno(),
      clear: () => cell.write(0),
    };
  }
  return { read: () => koffi().errno(), clear: () => {} };
}

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Make a kernel from the functions of a library.
 *
 * @throws {KqueueError} `ERR_KQUEUE_LOAD` if a symbol is missing or a struct
 * is not what koffi makes of it.
 */
export function bindKernel(
  facts: KernelFacts,
  cpu: Cpu,
  library: NativeLibrary,
): Kernel {
  const { call, symbol } = findKevent(library, facts.symbols.kevent);
  const create = find(library, facts.symbols.kqueue, []);
  // A library without a close uses descriptors of this process.
  const close = find(library, facts.symbols.close, ['int'], openLibrary(null));
  const errno = errnoOf(facts, library);
  const layout = layoutOf(facts, cpu, symbol.struct);
  const wide = bindKevent64(facts, cpu, library);
  const timespec = layoutOf(facts, cpu, 'timespec');
  // Only a double of a kernel has the layout of another CPU.
  if (cpu === hostCpu) {
    verify(facts, cpu, symbol.struct, layout);
    verify(facts, cpu, 'timespec', timespec);
  }

  const address = (memory: KeventMemory | TimespecMemory): number => {
    memory.address ??= addressOf(memory.i32.buffer);
    return memory.address;
  };

  return {
    facts,
    words: wordsOf(layout),
    width: {
      wideSec: timespec.fields.tv_sec.size === 8,
      wideNsec: timespec.fields.tv_nsec.size === 8,
    },
    kqueue: () => create(),
    kevent: (kq, changes, nchanges, events, nevents, timeout) =>
      call(
        kq,
        changes === null ? 0 : address(changes),
        nchanges,
        events === null ? 0 : address(events),
        nevents,
        timeout === null ? 0 : address(timeout),
      ),
    ...(wide === undefined
      ? {}
      : {
          words64: wide.words,
          kevent64: (kq, changes, nchanges, events, nevents, flags, timeout) =>
            wide.call(
              kq,
              changes === null ? 0 : address(changes),
              nchanges,
              events === null ? 0 : address(events),
              nevents,
              flags,
              timeout === null ? 0 : address(timeout),
            ),
        }),
    close(fd) {
      errno.clear();
      return close(fd);
    },
    errno: errno.read,
  };
}

/** Make new queues close-on-exec, as on Darwin. */
function closingOnExec(kernel: Kernel, library: NativeLibrary): Kernel {
  const fcntl = library.func('fcntl', 'int', ['int', 'int', 'int']);
  if (fcntl === undefined) return kernel;
  return {
    ...kernel,
    kqueue() {
      const fd = kernel.kqueue();
      if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
      return fd;
    },
  };
}

/**
 * Load a library and make a kernel from it.
 *
 * @throws {KqueueError} `ERR_KQUEUE_LOAD`.
 */
export function loadFfiKernel(
  facts: KernelFacts,
  cpu: Cpu,
  libraries: readonly string[],
): Kernel {
  const library = openFirst(libraries);
  const kernel = bindKernel(facts, cpu, library);
  const native = facts.platforms.includes(process.platform);
  return native && facts.name !== 'darwin'
    ? closingOnExec(kernel, library)
    : kernel;
}
