// Symbol.dispose: the `lib` of the program that uses the package may lack it.
/// <reference lib="esnext.disposable" preserve="true" />

export * from './calls/constants.js';
export { Kevent64List, KeventList } from './calls/kevent-list.js';
export { close, kevent, kevent64, kqueue } from './calls/syscalls.js';
export { type DoctorReport, doctor, type Finding } from './doctor/doctor.js';
export { KqueueError, type Syscall } from './errors.js';
export {
  type Explainable,
  type ExplainOptions,
  explain,
} from './explain/explain.js';
export type { LoopDriver } from './ffi/loop.js';
export type {
  EventIterator,
  IteratorOptions,
} from './helpers/event-iterator.js';
export {
  type ExitedOptions,
  type ExitPromise,
  exited,
} from './helpers/exited.js';
export { interval, type Tick } from './helpers/interval.js';
export {
  type ReadReady,
  readable,
  type WriteReady,
  writable,
} from './helpers/readiness.js';
export { type SignalCount, signals } from './helpers/signals.js';
export { type FileEvent, watchFile } from './helpers/watch-file.js';
export {
  type Capabilities,
  type Capability,
  capabilities,
  type FilterCapability,
} from './host/capabilities.js';
export { type KernelChoice, kernel } from './host/host.js';
export type { Kevent, KeventInit } from './memory/kevent.js';
export { type Timeout, Timespec } from './memory/timespec.js';
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
} from './queue/change.js';
export {
  type ChangeFailure,
  type ChangeResult,
  KqueueChangeError,
} from './queue/change-error.js';
export type { FdLike, HandleOwner } from './queue/descriptor.js';
export type { Amount, Duration, TimePoint } from './queue/duration.js';
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
} from './queue/event.js';
export type { ExitStatus } from './queue/exit-status.js';
export type { Subscription } from './queue/listener.js';
export type { ProcNote, VnodeNote } from './queue/notes.js';
export type {
  EventsOptions,
  NextOptions,
  WaitOptions,
} from './queue/options.js';
export { Kqueue } from './queue/queue.js';
export type { SignalName } from './queue/signal.js';
