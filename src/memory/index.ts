export {
  formatItems,
  INSPECT,
  type InspectOptions,
  itemLimit,
  LINE_LENGTH,
} from './inspect.js';
export type { Kernel, RefusedChange } from './kernel.js';
export {
  encode,
  type Kevent,
  type KeventInit,
  readPattern,
  readSigned,
} from './kevent.js';
export {
  type Address,
  allocate,
  type KeventMemory,
  type KeventWords,
  wordsOf,
} from './kevent-memory.js';
export {
  entryAt,
  fflagsAt,
  filterAt,
  flagsAt,
  signedAt,
  unsignedAt,
} from './kevent-read.js';
export { KeventRecord } from './kevent-record.js';
export {
  formatEntries,
  formatKevent,
  type KeventLike,
} from './kevent-text.js';
export { type FieldLayout, layoutOf, type StructLayout } from './layout.js';
export {
  allocateTimespec,
  encodeTimeout,
  POLL,
  type Timeout,
  Timespec,
  type TimespecMemory,
  type TimespecWidth,
} from './timespec.js';
export { definePlain } from './to-json.js';
export {
  BY_EVENTFD,
  BY_KEVENT,
  WAKE,
  WAKE_MAGIC,
  WAKE_WORDS,
} from './wake-words.js';
