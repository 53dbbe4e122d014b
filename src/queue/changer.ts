import { errnoName, type KernelFacts } from '../abi/index.js';
import { currentKernel, KeventList } from '../calls/index.js';
import { KqueueError, misuse } from '../errors.js';
import type { KeventInit } from '../memory/index.js';
import type { Change, Key, Modification, Op, Step, Trigger } from './change.js';
import type { ChangeResult } from './change-error.js';
import type { Encoded, EncodedKey, Encoder } from './encoder.js';
import type { Registration, Registry } from './registry.js';

/** A registration as a step of the same batch left it, or its absence. */
interface Draft {
  readonly registration: Registration;
  readonly request: Encoded;
}

/** A record that is not sent yet. */
type Sendable = { -readonly [K in keyof KeventInit]: KeventInit[K] };

/** What earlier steps of a batch leave behind. */
class Drafts {
  readonly #registry: Registry;
  readonly #byFilter = new Map<number, Map<number | bigint, Draft | null>>();
  /** A single step has none after it that would ask. */
  readonly #isSingle: boolean;

  constructor(registry: Registry, steps: number) {
    this.#registry = registry;
    this.#isSingle = steps === 1;
  }

  find(key: EncodedKey): Draft | undefined {
    const draft = this.#byFilter.get(key.filter)?.get(key.ident);
    if (draft !== undefined) return draft ?? undefined;
    const registration = this.#registry.find(key);
    return registration && { registration, request: registration.request };
  }

  enter({ filter, ident }: EncodedKey, draft: Draft | null): void {
    if (this.#isSingle) return;
    let byIdent = this.#byFilter.get(filter);
    if (byIdent === undefined) {
      byIdent = new Map();
      this.#byFilter.set(filter, byIdent);
    }
    byIdent.set(ident, draft);
  }
}

/** What to do about one step. */
interface Plan {
  readonly step: object;
  /** For the message, should it be refused. */
  readonly what: () => string;
  /** The records to send, and of them how many before the deciding one. */
  readonly records: readonly Sendable[];
  /** Told how each record went: 0 or an errno. */
  commit(errnos: readonly number[]): void;
  /** An errno that is known without asking the kernel. */
  readonly refused?: number;
}

/** Sends records to the kernel, which writes an entry about each: 0 or an errno. */
type Send = (
  records: readonly KeventInit[],
  entries: KeventList | null,
) => number;

/** How many records go at a time; libkqueue gives back no more than 512. */
const LIMIT = 2 ** 20;
const LIBKQUEUE_LIMIT = 512;

/**
 * Turns steps into records for the kernel, and what it answers into results
 * and registrations.
 */
export class Changer {
  readonly #facts: KernelFacts;
  readonly #encoder: Encoder;
  readonly #registry: Registry;
  /** Whether the kernel gives receipts; unknown before it was asked for one. */
  #hasReceipts: boolean | undefined;
  #entries: KeventList | undefined;

  constructor(facts: KernelFacts, encoder: Encoder, registry: Registry) {
    this.#facts = facts;
    this.#encoder = encoder;
    this.#registry = registry;
  }

  /**
   * Apply steps with as few calls as can be: one.
   *
   * @param op What to do, where the steps themselves do not say it.
   */
  apply(steps: readonly Step[], send: Send, op?: Op): ChangeResult[] {
    const drafts = new Drafts(this.#registry, steps.length);
    const plans = steps.map((step) => this.#plan(step, op ?? step?.op, drafts));
    const records = plans.flatMap((plan) => plan.records);
    // One fails alone, so there need be no receipt.
    const errnos =
      records.length === 1
        ? [send(records, null)]
        : this.#exchange(records, send);
    let next = 0;
    return plans.map((plan) => {
      const own = errnos.slice(next, next + plan.records.length);
      next += plan.records.length;
      plan.commit(own);
      return this.#result(plan, plan.refused ?? own.at(-1) ?? 0, op);
    });
  }

  /**
   * Where there are no receipts, nobody could say which of many changes a
   * refusal is of, and events would be collected: they go one by one. Whether
   * there are is told by the first that is made: it is sent after one that has
   * to be refused, so that no kernel collects events.
   */
  #exchange(records: readonly Sendable[], send: Send): number[] {
    const { name, constants } = this.#facts;
    const { EVFILT_READ, EV_DELETE } = constants;
    const receipt: number | undefined = constants.EV_RECEIPT;
    const limit = name === 'libkqueue' ? LIBKQUEUE_LIMIT : LIMIT;
    const invalidRecord = { ident: -1n, filter: EVFILT_READ, flags: EV_DELETE };
    const errnos: number[] = [];
    for (let at = 0; at < records.length; at = errnos.length) {
      if (receipt === undefined || this.#hasReceipts === false) {
        errnos.push(send([records[at]], null));
        continue;
      }
      const isTrial = this.#hasReceipts === undefined;
      const batch = records.slice(at, isTrial ? at + 1 : at + limit);
      for (const record of batch) record.flags = (record.flags ?? 0) | receipt;
      const sent = isTrial ? [invalidRecord, ...batch] : batch;
      // With room for an entry about each of them; at the trial for no more.
      let entries = this.#entries;
      if (entries === undefined || entries.capacity < sent.length) {
        entries = new KeventList(2 ** Math.ceil(Math.log2(sent.length)));
        this.#entries = entries;
      }
      const errno = send(sent, entries);
      for (const own of this.#errnos(batch, errno)) errnos.push(own);
      // Neither a refusal nor a call that a signal ended tells anything.
      if (isTrial && entries.length > 0 && errnos[at] === 0) {
        this.#hasReceipts = entries.length > 1;
      }
    }
    return errnos;
  }

  #result(plan: Plan, errno: number, op: Op | undefined): ChangeResult {
    const given = plan.step as Step;
    if (errno === 0) return { step: given, ok: true, error: undefined };
    // Where the steps do not say it themselves: without one it is to add.
    const isSaid = op === undefined || (given.op ?? 'add') === op;
    const step = isSaid ? given : ({ ...given, op } as Step);
    const code = errnoName(this.#facts, errno) ?? `E${errno}`;
    const isVnode = (record: Sendable) =>
      record.filter === this.#facts.constants.EVFILT_VNODE;
    const reason = reasonOf(plan.records.find(isVnode), errno);
    const message = `kevent ${code}: ${plan.what()}${reason}`;
    const error = new KqueueError(message, code, -errno, 'kevent');
    return { step, ok: false, error };
  }

  /**
   * How each record went. Entries come in the order of the records; a record
   * without one went well: not every kernel has receipts for every filter.
   */
  #errnos(records: readonly KeventInit[], errno: number): number[] {
    const { EV_ERROR } = this.#facts.constants;
    const entries = this.#entries;
    const errnos = records.map(() => errno);
    if (entries === undefined || errno !== 0) return errnos;
    let at = 0;
    for (let i = 0; i < entries.length; i++) {
      if ((entries.flags(i) & EV_ERROR) === 0) continue;
      const filter = entries.filter(i);
      const ident = entries.ident(i);
      let found = at;
      while (
        found < records.length &&
        (records[found].filter !== filter || records[found].ident !== ident)
      ) {
        found++;
      }
      if (found === records.length) continue;
      errnos[found] = Number(entries.data(i));
      at = found + 1;
    }
    return errnos;
  }

  #plan(step: Step, op: Op | undefined, drafts: Drafts): Plan {
    if (typeof step !== 'object' || step === null) {
      throw new TypeError(
        misuse('change a queue', 'change', 'an object', step),
      );
    }
    switch (op) {
      case undefined:
      case 'add':
        return this.#add(step as Change, drafts);
      case 'modify':
        return this.#modify(step as Modification, drafts);
      case 'enable':
      case 'disable':
        return this.#toggle(step as Key, op, drafts);
      case 'delete':
        return this.#delete(step as Key, drafts);
      case 'trigger':
        return this.#trigger(step as Trigger, drafts);
      default: {
        const known = 'add, modify, enable, disable, delete or trigger';
        throw new TypeError(misuse('change a queue', 'op', known, op));
      }
    }
  }

  #add(step: Change, drafts: Drafts): Plan {
    const { EV_ADD, EV_ENABLE, EV_DISABLE } = this.#facts.constants;
    const request = this.#encoder.change(step);
    const created = this.#registry.create(request, step.udata);
    const old = drafts.find(request);
    drafts.enter(request, { registration: created, request });
    let flags = EV_ADD | request.flags;
    if (old !== undefined && (flags & EV_DISABLE) === 0) flags |= EV_ENABLE;
    const record = this.#record(request, flags, created.token);
    const fresh =
      old !== undefined && !this.#canModifyInPlace(old.request, request);
    return {
      step,
      what: () => describe('add', step.filter, request),
      records: fresh ? [this.#deletion(request), record] : [record],
      commit: (errnos) => {
        if (errnos.at(-1) === 0) this.#registry.add(created);
        else if (fresh && errnos[0] === 0) this.#drop(request);
      },
    };
  }

  #modify(step: Modification, drafts: Drafts): Plan {
    const { EV_ADD, EV_ONESHOT } = this.#facts.constants;
    const given = this.#encoder.change(step);
    const old = drafts.find(given);
    if (old === undefined) return this.#notRegistered(step, 'modify', given);
    const { registration } = old;
    // Of the flags only that of a timer that fires once can become another.
    const isTimer = step.filter === 'timer';
    const kept = isTimer ? old.request.flags & ~EV_ONESHOT : old.request.flags;
    const flags = isTimer ? kept | (given.flags & EV_ONESHOT) : kept;
    const request: Encoded = { ...given, flags };
    drafts.enter(given, { registration, request });
    const fresh = !this.#canModifyInPlace(old.request, request);
    const touch = fresh ? EV_ADD | flags : this.#modifyFlag();
    const record = this.#record(request, touch, registration.token);
    return {
      step,
      what: () => describe('modify', step.filter, given),
      records: fresh ? [this.#deletion(given), record] : [record],
      commit: (errnos) => {
        const errno = errnos.at(-1);
        if (errno === 0) {
          registration.request = request;
          if ('udata' in step) registration.udata = step.udata;
        } else if (this.#isGone(errno) || (fresh && errnos[0] === 0)) {
          this.#drop(given);
        }
      },
    };
  }

  #toggle(step: Key, op: 'enable' | 'disable', drafts: Drafts): Plan {
    const { EV_ENABLE, EV_DISABLE } = this.#facts.constants;
    const key = this.#encoder.key(step);
    const old = drafts.find(key);
    if (old === undefined) return this.#notRegistered(step, op, key);
    const { registration, request } = old;
    const isOn = op === 'enable';
    const others = request.flags & ~EV_DISABLE;
    const toggled = { ...request, flags: isOn ? others : others | EV_DISABLE };
    drafts.enter(key, { registration, request: toggled });
    const flag = isOn ? EV_ENABLE : EV_DISABLE;
    return {
      step,
      what: () => describe(op, step.filter, key),
      // All of the request again: a change without it would wipe it out.
      records: [this.#record(request, flag, registration.token)],
      commit: ([errno]) => {
        if (errno === 0) registration.request = toggled;
        else if (this.#isGone(errno)) this.#drop(key);
      },
    };
  }

  #delete(step: Key, drafts: Drafts): Plan {
    const key = this.#encoder.key(step);
    drafts.enter(key, null);
    return {
      step,
      what: () => describe('delete', step.filter, key),
      records: [this.#deletion(key)],
      commit: ([errno]) => {
        if (errno === 0 || this.#isGone(errno)) this.#drop(key);
      },
    };
  }

  /** The record of a trigger, which changes nothing that has to be planned. */
  trigger(step: Omit<Trigger, 'op'>): KeventInit {
    const request = this.#encoder.trigger(step);
    const token = this.#registry.find(request)?.token ?? 0;
    return this.#record(request, 0, token);
  }

  #trigger(step: Trigger, drafts: Drafts): Plan {
    const request = this.#encoder.trigger(step);
    const token = drafts.find(request)?.registration.token ?? 0;
    return {
      step,
      what: () => describe('trigger', 'user', request),
      records: [this.#record(request, 0, token)],
      commit: ([errno]) => {
        if (this.#isGone(errno)) this.#drop(request);
      },
    };
  }

  /** A change to what is not registered with this queue. */
  #notRegistered(step: Key, op: Op, key: EncodedKey): Plan {
    return {
      step,
      what: () => `${describe(op, step.filter, key)}, which is not registered`,
      records: [],
      commit: () => {},
      refused: this.#facts.errno.ENOENT,
    };
  }

  #record(request: Encoded, flags: number, udata: number): Sendable {
    const { ident, filter, fflags, data, ext } = request;
    return { ident, filter, flags, fflags, data, udata, ext };
  }

  #deletion({ filter, ident }: EncodedKey): Sendable {
    const { EV_DELETE } = this.#facts.constants;
    const request = { filter, ident, flags: 0, fflags: 0, data: 0 };
    return this.#record(request, EV_DELETE, 0);
  }

  /** What makes a change of a registration that exists: mostly EV_ADD alone. */
  #modifyFlag(): number {
    const { name, constants } = this.#facts;
    return name === 'darwin' || name === 'freebsd' ? 0 : constants.EV_ADD;
  }

  /**
   * Whether a registration can be changed in place. Flags stay as they were at
   * creation, and a timer's time does not become absolute, or relative. But on
   * Darwin a timer that runs may keep its time, or lose its flags: older
   * FreeBSD (9) and NetBSD (7) do the one, NetBSD 10 the other.
   */
  #canModifyInPlace(old: Encoded, next: Encoded): boolean {
    const { constants, timerUnits, name } = this.#facts;
    if (((old.flags ^ next.flags) & ~constants.EV_DISABLE) !== 0) return false;
    if (next.filter !== constants.EVFILT_TIMER) return true;
    const { absolute } = timerUnits;
    if (name !== 'darwin' || absolute === undefined) return false;
    return ((old.fflags ^ next.fflags) & constants[absolute]) === 0;
  }

  /** Whether an errno says that there is no such registration any more. */
  #isGone(errno: number | undefined): boolean {
    const { ENOENT, EBADF } = this.#facts.errno;
    return errno === ENOENT || errno === EBADF;
  }

  #drop(key: EncodedKey): void {
    const registration = this.#registry.find(key);
    if (registration !== undefined) this.#registry.drop(registration);
  }
}

const describe = (op: string, filter: string, { ident }: EncodedKey): string =>
  `${op} ${filter} ${ident}`;

/** What the kernel has to say of a refusal besides the errno's name. */
function reasonOf(record: Sendable | undefined, errno: number): string {
  if (record === undefined) return '';
  const reason = currentKernel().reason?.(errno, Number(record.ident));
  return reason === undefined ? '' : ` (${reason})`;
}
