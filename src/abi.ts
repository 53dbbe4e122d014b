/**
 * The entry point `kqueue-ffi/abi`: facts about the kqueue of every kernel, on any
 * host. It has struct layouts, constants, errno and signal numbers, and functions
 * that name numbers. It loads no library.
 *
 * @module
 */
export {
  type ConstantGroup,
  type ConstantGroups,
  type Constants,
  type Cpu,
  type CType,
  darwin,
  errnoName,
  type Field,
  fflagNames,
  filterName,
  flagNames,
  type KernelFacts,
  type KernelName,
  type KeventSymbol,
  kernels,
  type StructFacts,
  type SymbolFacts,
  signalName,
  type Table,
} from './abi/index.js';
export {
  dragonfly,
  freebsd,
  libkqueue,
  netbsd,
  openbsd,
} from './abi/tables.js';
export {
  type FieldLayout,
  layoutOf,
  type StructLayout,
} from './memory/index.js';
