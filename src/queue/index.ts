export type { AbortSignalLike } from './abort-signal.js';
export type { Alarm } from './alarm.js';
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
} from './descriptor.js';
export type { Checked } from './descriptor-checks.js';
export type { Amount, Duration, TimePoint } from './duration.js';
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
export type { ExitStatus } from './exit-status.js';
export type { ProcNote, VnodeNote } from './notes.js';
export type {
  EventsOptions,
  ListenerOptions,
  NextOptions,
  WaitOptions,
} from './options.js';
export { Kqueue } from './queue.js';
export type { SignalName } from './signal.js';
export type { Subscription } from './subscription.js';
export { type Waker, type WakerHandle, wake } from './waker.js';
