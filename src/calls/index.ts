export {
  isList,
  Kevent64List,
  KeventList,
  listFor,
  memoryOf,
} from './kevent-list.js';
export { currentKernel, currentWords } from './running-kernel.js';
export {
  checkFd,
  close,
  type FdOwner,
  fdOwners,
  isQueue,
  kevent,
  kevent64,
  kqueue,
  type Syscalls,
  syscallsOf,
} from './syscalls.js';
export { findTimerUnits } from './timer-units.js';
