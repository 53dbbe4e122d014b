/**
 * The entry point `kqueue-ffi/abi`: what every kernel's kqueue looks like, on
 * any host. Struct layouts, constants, errno and signal numbers, and their
 * names. It loads no library and calls nothing.
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
