export { type AbortSignalLike, onAbort } from './abort-signal.js';
export { type Alarm, setAlarm } from './alarm.js';
export type {
  Change,
  Deletion,
  ExceptKey,
  Key,
  Modification,
  ProcKey,
  RawKey,
  ReadKey,
  RegistrationOptions,
  Request,
  SignalKey,
  Step,
  TimerKey,
  TimerWhen,
  Toggle,
  Trigger,
  Udata,
  UserKey,
  VnodeKey,
  WriteKey,
} from './change.js';
export {
  type ChangeFailure,
  type ChangeResult,
  KqueueChangeError,
} from './change-error.js';
export {
  type FdLike,
  type FileStream,
  fdOf,
  type HandleOwner,
  readFd,
} from './descriptor.js';
export {
  type Amount,
  type Duration,
  parseNanoseconds,
  type TimePoint,
  timerDuration,
} from './duration.js';
export { encoderOf } from './encoder.js';
export type {
  ExceptEvent,
  KqueueEvent,
  OtherEvent,
  ProcEvent,
  RawEvent,
  ReadEvent,
  SignalEvent,
  TimerEvent,
  UserEvent,
  VnodeEvent,
  WriteEvent,
} from './event.js';
export { type ExitStatus, exitStatus } from './exit-status.js';
export { hasHungUp, isNamedFifo } from './fifo.js';
export type { ProcNote, VnodeNote } from './notes.js';
export {
  checkOptions,
  checkSignal,
  checkTimeout,
  type EventsOptions,
  MAX_TIMEOUT,
  type NextOptions,
  type WaitOptions,
} from './options.js';
export { isPollable } from './pollable.js';
export { Kqueue } from './queue.js';
export { type SignalName, signalNamer } from './signal.js';
export type { Subscription } from './subscription.js';
export { type Waker, type WakerHandle, wake } from './waker.js';
