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
  isStillQueue,
  kevent,
  kevent64,
  keventOn,
  kqueue,
  type OpenQueue,
  queueOf,
  type Syscalls,
  syscallsOf,
} from './syscalls.js';
export { findTimerUnits } from './timer-units.js';
