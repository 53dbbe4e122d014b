/**
 * The entry point `kqueue-ffi/abi`: what every kernel's kqueue looks like, on
 * any host. Struct layouts, constants, errno and signal numbers, and their
 * names. It loads no library and calls nothing.
 *
 * @module
 */
export {
  darwin,
  dragonfly,
  freebsd,
  type KernelName,
  kernels,
  libkqueue,
  netbsd,
  openbsd,
} from './abi/kernels.js';
export {
  errnoName,
  fflagNames,
  filterName,
  flagNames,
  signalName,
} from './abi/names.js';
export type {
  ConstantGroup,
  ConstantGroups,
  Constants,
  Cpu,
  CType,
  Field,
  KernelFacts,
  KeventSymbol,
  StructFacts,
  SymbolFacts,
  Table,
} from './abi/shape.js';
export {
  type FieldLayout,
  layoutOf,
  type StructLayout,
} from './memory/layout.js';
