// A model of Darwin's kernel for registrations on pipes, socket pairs, user
// events and timers that fire at once or never. It implements the rules of
// docs/rules.md plainly, as a reference for random programs.
import {
  EBADF,
  EINPROGRESS,
  EINVAL,
  ENOENT,
  ENOTSUP,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ERROR,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  NOTE_ABSOLUTE,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFLAGSMASK,
  NOTE_FFOR,
  NOTE_LOWAT,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_TRIGGER,
  NOTE_USECONDS,
} from '../conformance/constants.js';

/** A change, or an entry of the event list. */
export interface Entry {
  readonly ident: number;
  readonly filter: number;
  readonly flags: number;
  readonly fflags: number;
  readonly data: number;
  readonly udata: number;
}

const EV_DISPATCH2 = EV_DISPATCH | EV_UDATA_SPECIFIC;
/** NOTE_FFCOPY is both bits. */
const CONTROL = NOTE_FFCOPY;
const UNITS = [NOTE_SECONDS, NOTE_USECONDS, NOTE_NSECONDS];
/** Filters in range that no kernel implements for this: AIO, 11 and VM. */
const UNIMPLEMENTED = [-3, -11, -12];
const LAST_FILTER = -18;

/** A placeholder for free space, which depends on the host. */
export const SOME_SPACE = 1;

// ---- sources ---------------------------------------------------------------

/** Two sides over one buffer: rules G10 to G15. */
export class Pipe {
  bytes = 0;
  readers = 0;
  writers = 0;
  /** Registrations on either side, oldest first. */
  readonly watchers: Knote[] = [];

  get ended(): boolean {
    return this.readers === 0 || this.writers === 0;
  }
}

/** One end of a socket pair: rules G31 to G40. */
export class Socket {
  inbox = 0;
  holders = 0;
  sendShut = false;
  peer: Socket | undefined;
  readonly watchers: Knote[] = [];

  get receiveEnded(): boolean {
    return (
      this.peer === undefined || this.peer.holders === 0 || this.peer.sendShut
    );
  }

  get sendEnded(): boolean {
    return this.sendShut || this.peer === undefined || this.peer.holders === 0;
  }
}

/** An open file: what dup shares. */
export type OpenFile =
  | { readonly kind: 'reader' | 'writer'; readonly object: Pipe }
  | { readonly kind: 'socket'; readonly object: Socket };

// ---- registrations ----------------------------------------------------------

export interface Knote {
  readonly queue: ReferenceQueue;
  readonly serial: number;
  readonly ident: number;
  readonly filter: number;
  readonly file: OpenFile | undefined;
  /** As given at creation, and what filters add: E1, D9. */
  flags: number;
  askedFflags: number;
  askedData: number;
  udata: number;
  data: number;
  active: boolean;
  disabled: boolean;
  deferredDelete: boolean;
  triggered: boolean;
}

const isDescriptorFilter = (filter: number): boolean =>
  filter === EVFILT_READ || filter === EVFILT_WRITE || filter === EVFILT_EXCEPT;

const mark = (knote: Knote): number =>
  (knote.askedFflags & NOTE_LOWAT) === 0 ? 1 : Math.max(knote.askedData, 1);

/** Whether an event is pending; it updates the notes, as a poll does. */
function evaluate(knote: Knote): boolean {
  const { file, filter } = knote;
  if (file === undefined) {
    knote.data = filter === EVFILT_USER ? knote.askedData : 1;
    return knote.triggered;
  }
  const reads = filter !== EVFILT_WRITE;
  let ended: boolean;
  let ready: boolean;
  if (file.kind === 'socket') {
    const { inbox, receiveEnded, sendEnded } = file.object;
    ended = reads ? receiveEnded : sendEnded;
    knote.data = reads ? inbox : SOME_SPACE;
    ready = reads ? inbox >= mark(knote) : true;
  } else {
    const { bytes } = file.object;
    ended = file.object.ended;
    // On the other end of the pipe it waits for nothing but the end: G14.
    const isOwnEnd = (file.kind === 'reader') === reads;
    knote.data = isOwnEnd ? (reads ? bytes : ended ? 0 : SOME_SPACE) : 0;
    ready = isOwnEnd && (reads ? bytes >= mark(knote) : true);
  }
  if (ended) knote.flags |= EV_EOF;
  return ended || ready;
}

/** Something happened to an object: newest registration first, T1. */
function post(watchers: readonly Knote[]): void {
  for (const knote of [...watchers].sort((a, b) => b.serial - a.serial)) {
    if (evaluate(knote)) knote.queue.activate(knote);
  }
}

// ---- the process ------------------------------------------------------------

/** The descriptors of a process, and the queues that watch them. */
export class ReferenceProcess {
  readonly descriptors = new Map<number, OpenFile>();
  readonly queues = new Set<ReferenceQueue>();
  serial = 0;

  queue(): ReferenceQueue {
    const queue = new ReferenceQueue(this);
    this.queues.add(queue);
    return queue;
  }

  /** Put an open file at a descriptor and close the former one: D18. */
  place(fd: number, file: OpenFile): void {
    const old = this.descriptors.get(fd);
    // As dup2: the file may be kept alive by this very number.
    this.#hold(file, 1);
    if (old !== undefined) this.close(fd);
    this.descriptors.set(fd, file);
  }

  close(fd: number): void {
    const file = this.descriptors.get(fd);
    if (file === undefined) return;
    this.descriptors.delete(fd);
    for (const queue of this.queues) queue.forget(fd);
    this.#hold(file, -1);
  }

  #hold(file: OpenFile, change: 1 | -1): void {
    if (file.kind === 'socket') {
      file.object.holders += change;
      if (file.object.holders > 0) return;
      post(file.object.peer?.watchers ?? []);
    } else {
      const side = file.kind === 'reader' ? 'readers' : 'writers';
      file.object[side] += change;
      if (file.object[side] === 0) post(file.object.watchers);
    }
  }

  write(file: OpenFile, count: number): void {
    if (file.kind === 'socket') {
      const { peer } = file.object;
      if (peer === undefined) return;
      peer.inbox += count;
      post(peer.watchers.filter(({ filter }) => filter !== EVFILT_WRITE));
    } else {
      file.object.bytes += count;
      // Every write and every read notifies all registrations of the pipe: G15.
      post(file.object.watchers);
    }
  }

  read(file: OpenFile, count: number): void {
    if (file.kind === 'socket') {
      file.object.inbox -= count;
    } else {
      file.object.bytes -= count;
      post(file.object.watchers);
    }
  }

  /** shutdown(SHUT_WR). */
  shut(socket: Socket): void {
    socket.sendShut = true;
    post(socket.watchers.filter(({ filter }) => filter === EVFILT_WRITE));
    post(
      socket.peer?.watchers.filter(({ filter }) => filter !== EVFILT_WRITE) ??
        [],
    );
  }
}

/** The result of a call: a count with entries, or an errno. */
export type Answer =
  | { readonly entries: readonly Entry[] }
  | { readonly errno: number };

export class ReferenceQueue {
  readonly #process: ReferenceProcess;
  readonly #knotes = new Set<Knote>();
  /** F1. */
  readonly #fifo = new Set<Knote>();

  constructor(process: ReferenceProcess) {
    this.#process = process;
  }

  get watching(): readonly Knote[] {
    return [...this.#knotes];
  }

  /** Whether a call would report something. */
  get hasEvent(): boolean {
    return [...this.#fifo].some(
      (knote) => knote.deferredDelete || evaluate(knote),
    );
  }

  /** The number of candidates to poll: B6. */
  get waiting(): number {
    return this.#fifo.size;
  }

  kevent(changes: readonly Entry[], nevents: number): Answer {
    const entries: Entry[] = [];
    for (const change of changes) {
      const isRefused = isMisused(change);
      const simple = simplify(change.flags);
      const isNew = this.#find({ ...change, flags: simple }) === undefined;
      const errno = isRefused
        ? EINVAL
        : this.#apply({ ...change, flags: simple });
      // C9, D17: as given where the change itself is wrong; a new registration
      // keeps the request for EV_VANISHED, not the flag.
      const flags = isRefused
        ? change.flags & CALLER_FLAGS
        : isNew && errno !== EBADF
          ? simple & ~EV_VANISHED
          : simple;
      if (errno === 0 && (flags & EV_RECEIPT) === 0) continue;
      if (entries.length < nevents) {
        entries.push({ ...change, flags: flags | EV_ERROR, data: errno });
      } else if (errno !== 0) {
        return { errno };
      }
    }
    // C10.
    return { entries: entries.length > 0 ? entries : this.#collect(nevents) };
  }

  activate(knote: Knote): void {
    knote.active = true;
    if (!knote.disabled) this.#fifo.add(knote);
  }

  /** A number was closed. */
  forget(fd: number): void {
    for (const knote of [...this.#knotes]) {
      if (knote.file !== undefined && knote.ident === fd) this.#drop(knote);
    }
  }

  dispose(): void {
    this.#process.queues.delete(this);
    for (const knote of [...this.#knotes]) this.#drop(knote);
  }

  // ---- changes ------------------------------------------------------------

  #apply(change: Entry): number {
    const { flags } = change;
    const knote = this.#find(change);
    if (knote === undefined) {
      return (flags & EV_ADD) === 0 ? ENOENT : this.#create(change);
    }
    return (flags & EV_DELETE) === 0
      ? this.#touch(knote, change)
      : this.#delete(knote, flags);
  }

  #find({ ident, filter, flags, udata }: Entry): Knote | undefined {
    for (const knote of this.#knotes) {
      if (knote.ident !== ident || knote.filter !== filter) continue;
      const isSpecific = (knote.flags & EV_UDATA_SPECIFIC) !== 0;
      if (isSpecific !== ((flags & EV_UDATA_SPECIFIC) !== 0)) continue;
      if (!isSpecific || knote.udata === udata) return knote;
    }
    return undefined;
  }

  #create({ ident, filter, flags, fflags, data, udata }: Entry): number {
    if (UNIMPLEMENTED.includes(filter)) return ENOTSUP;
    const file = isDescriptorFilter(filter)
      ? this.#process.descriptors.get(ident)
      : undefined;
    if (isDescriptorFilter(filter)) {
      if (file === undefined) return EBADF;
      if (filter === EVFILT_EXCEPT && file.kind !== 'socket') return EINVAL;
    }
    const knote: Knote = {
      queue: this,
      serial: ++this.#process.serial,
      ident,
      filter,
      file,
      flags: flags & ~EV_VANISHED,
      askedFflags: fflags,
      askedData: data,
      udata,
      data: 0,
      active: false,
      disabled: (flags & EV_DISABLE) !== 0,
      deferredDelete: false,
      triggered: filter === EVFILT_USER && (fflags & NOTE_TRIGGER) !== 0,
    };
    if (filter === EVFILT_TIMER) {
      if (!isTimer(fflags)) return EINVAL;
      knote.flags |= EV_CLEAR;
      if ((fflags & NOTE_ABSOLUTE) !== 0) knote.flags |= EV_ONESHOT;
      knote.triggered = firesAtOnce(data);
    }
    this.#knotes.add(knote);
    file?.object.watchers.push(knote);
    if (evaluate(knote)) this.activate(knote);
    return 0;
  }

  #delete(knote: Knote, flags: number): number {
    const isTwoStep = (knote.flags & EV_DISPATCH2) === EV_DISPATCH2;
    if (isTwoStep && knote.disabled && (flags & EV_ENABLE) === 0) {
      knote.deferredDelete = true;
      return EINPROGRESS;
    }
    this.#drop(knote);
    return 0;
  }

  #touch(knote: Knote, { flags, fflags, data, udata }: Entry): number {
    if (knote.deferredDelete) {
      // D16: the filter is not called again.
      if ((flags & EV_DISABLE) !== 0) {
        knote.disabled = true;
        this.#fifo.delete(knote);
      }
      if ((flags & EV_ENABLE) === 0) return 0;
      knote.active = true;
      this.#enable(knote);
      return 0;
    }
    switch (knote.filter) {
      case EVFILT_USER:
        knote.askedFflags = combine(knote.askedFflags, fflags);
        if ((fflags & NOTE_TRIGGER) !== 0) knote.triggered = true;
        break;
      case EVFILT_TIMER:
        if (!isTimer(fflags)) return EINVAL;
        if (((fflags ^ knote.askedFflags) & NOTE_ABSOLUTE) !== 0) return EINVAL;
        knote.askedFflags = fflags;
        knote.triggered = firesAtOnce(data);
        break;
      default:
        knote.askedFflags = fflags;
    }
    knote.askedData = data;
    if ((knote.flags & EV_UDATA_SPECIFIC) === 0) knote.udata = udata;
    if ((flags & EV_DISABLE) !== 0) {
      knote.disabled = true;
      this.#fifo.delete(knote);
    }
    if ((flags & EV_ENABLE) !== 0) this.#enable(knote);
    if (evaluate(knote)) this.activate(knote);
    return 0;
  }

  #enable(knote: Knote): void {
    knote.disabled = false;
    // At the tail, unless it waits already: T2.
    if (knote.active) this.#fifo.add(knote);
  }

  #drop(knote: Knote): void {
    this.#knotes.delete(knote);
    this.#fifo.delete(knote);
    const watchers = knote.file?.object.watchers;
    watchers?.splice(watchers.indexOf(knote), 1);
  }

  // ---- delivery -----------------------------------------------------------

  #collect(nevents: number): Entry[] {
    const entries: Entry[] = [];
    const again: Knote[] = [];
    for (const knote of this.#fifo) {
      if (entries.length === nevents) break;
      this.#fifo.delete(knote);
      knote.active = false;
      const { ident, filter, udata } = knote;
      if (knote.deferredDelete) {
        const flags = EV_DISPATCH2 | EV_ONESHOT | EV_DELETE;
        entries.push({ ident, filter, flags, fflags: 0, data: 0, udata });
        this.#drop(knote);
        continue;
      }
      if (!evaluate(knote)) continue;
      const { flags, data } = knote;
      const fflags = filter === EVFILT_USER ? knote.askedFflags : 0;
      entries.push({ ident, filter, flags, fflags, data, udata });
      if (this.#staysReady(knote)) again.push(knote);
    }
    // Behind everything else, in the order of delivery: F3.
    for (const knote of again) this.activate(knote);
    return entries;
  }

  /** E2 to E6. */
  #staysReady(knote: Knote): boolean {
    const { flags, filter } = knote;
    if ((flags & EV_ONESHOT) !== 0) {
      if ((flags & EV_DISPATCH2) === EV_DISPATCH2) {
        knote.deferredDelete = true;
        knote.disabled = true;
      } else {
        this.#drop(knote);
      }
      return false;
    }
    const clears = (flags & EV_CLEAR) !== 0;
    if (clears && (filter === EVFILT_USER || filter === EVFILT_TIMER)) {
      knote.triggered = false;
    }
    if ((flags & EV_DISPATCH) !== 0) {
      knote.disabled = true;
      return false;
    }
    return !clears;
  }
}

/** A5. */
const CALLER_FLAGS = 0x0fff;

/** D1, D17: errors before the lookup of a registration. */
function isMisused({ filter, flags }: Entry): boolean {
  if (filter > -1 || filter < LAST_FILTER) return true;
  const vanishes = EV_ADD | EV_DISPATCH2;
  return (flags & EV_VANISHED) !== 0 && (flags & vanishes) !== vanishes;
}

/** C9. */
function simplify(flags: number): number {
  let simple = flags & CALLER_FLAGS;
  if ((simple & EV_DELETE) !== 0) simple &= ~EV_ADD;
  if ((simple & EV_DISABLE) !== 0) simple &= ~EV_ENABLE;
  return simple;
}

/** K3. */
function combine(stored: number, fflags: number): number {
  const value = fflags & NOTE_FFLAGSMASK;
  switch ((fflags & CONTROL) >>> 0) {
    case NOTE_FFAND:
      return stored & value;
    case NOTE_FFOR:
      return stored | value;
    case NOTE_FFCOPY:
      return value;
    default:
      return stored;
  }
}

/** J2: at most one unit. */
const isTimer = (fflags: number): boolean =>
  UNITS.filter((unit) => (fflags & unit) !== 0).length < 2;

/** The random programs use moments long past, and ones never reached. */
export const NEVER = 4_000_000_000;

/** J6, J7. */
const firesAtOnce = (data: number): boolean => data < NEVER;
