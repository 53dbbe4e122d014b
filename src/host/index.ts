export {
  type Capabilities,
  type Capability,
  capabilities,
  type FilterCapability,
} from './capabilities.js';
export {
  areTimerUnitsUncertain,
  factsOfRelease,
  hostConstants,
  hostDialect,
  setTimerUnitsProbe,
} from './dialect.js';
export {
  clearImmediate,
  clearTimeout,
  nextTick,
  now,
  queueMicrotask,
  setImmediate,
  setTimeout,
  type Timer,
  unixTime,
} from './globals.js';
export {
  hostCpu,
  hostFacts,
  isTraced,
  type KernelChoice,
  kernel,
} from './host.js';
export type { LoopDriver } from './loop-driver.js';
export { procStat } from './proc-stat.js';
export { type SignalName, signalNames } from './signal-names.js';
export { unsupported } from './unsupported.js';
