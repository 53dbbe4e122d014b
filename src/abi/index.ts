export { darwin } from './darwin.js';
export { type KernelName, kernels } from './kernels.js';
export {
  errnoName,
  fflagNames,
  filterName,
  flagNames,
  signalName,
} from './names.js';
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
} from './shape.js';
