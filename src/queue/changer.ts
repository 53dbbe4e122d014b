import { errnoName, type KernelFacts } from '../abi/index.js';
import { currentKernel, KeventList } from '../calls/index.js';
import { KqueueError } from '../errors.js';
import type { KeventInit } from '../memory/index.js';
import type { Op, Step, Trigger } from './change.js';
import type { ChangeResult } from './change-error.js';
import type { Encoded, EncodedKey, Encoder } from './encoder.js';
import { RecordSender, type Send, type Sendable } from './record-sender.js';
import type { Registration, Registry } from './registry.js';
import type { Rehearse } from './rehearsal.js';
import { type EncodedStep, encodeStep } from './step.js';
import { UnknownOutcomes } from './unknown-outcomes.js';

/** The plan for one step. */
interface Plan {
  readonly given: EncodedStep;
  /** The records to send. The last one decides. */
  readonly records: readonly Sendable[];
  /** The registration it creates. */
  readonly created?: Registration;
  /** The request of the last record, if it has optional bits. */
  readonly relaxable?: Encoded | undefined;
  /** Update the registry as the kernel did: 0 or an errno for each record. */
  commit(errnos: readonly number[]): void;
  /** An errno that is known without a call. */
  readonly refused?: number;
  /** The part of its message after the errno. */
  readonly why?: string;
}

/**
 * Turns steps into records for the kernel, and their outcomes into results and
 * registrations. The result of many steps is that of applying one after the
 * other. A refused step changes nothing.
 */
export class Changer {
  readonly #facts: KernelFacts;
  readonly #encoder: Encoder;
  readonly #registry: Registry;
  readonly #sender: RecordSender;
  readonly #rehearse: Rehearse;
  /** Memory to test whether records can be encoded. */
  #scratch: KeventList | undefined;

  constructor(
    facts: KernelFacts,
    encoder: Encoder,
    registry: Registry,
    rehearse: Rehearse,
  ) {
    this.#facts = facts;
    this.#encoder = encoder;
    this.#registry = registry;
    this.#rehearse = rehearse;
    this.#sender = new RecordSender(facts);
  }

  /**
   * Apply steps in as few calls as possible. It takes one call, unless the
   * records of a step depend on the outcome of an earlier step with the same
   * key.
   *
   * @param op What to do, where the steps themselves do not say it.
   */
  apply(steps: readonly Step[], send: Send, op?: Op): ChangeResult[] {
    if (steps.length === 1) {
      const encoded = encodeStep(this.#encoder, steps[0], op ?? steps[0]?.op);
      return this.#flush([this.#plan(encoded)], send, op);
    }
    const all = steps.map((step) =>
      encodeStep(this.#encoder, step, op ?? step?.op),
    );
    // Validate before the first call: later calls must not fail because of the
    // program.
    for (const { request } of all) this.#check(request);
    const results: ChangeResult[] = [];
    const unknown = new UnknownOutcomes();
    let plans: Plan[] = [];
    const flush = (): void => {
      for (const result of this.#flush(plans, send, op)) results.push(result);
      plans = [];
      unknown.clear();
    };
    for (const encoded of all) {
      const { request } = encoded;
      const isRegistered = this.#registry.find(request) !== undefined;
      if (unknown.matter(encoded.op, request, isRegistered)) flush();
      const plan = this.#plan(encoded, unknown.addedAt(request));
      if (plan.records.length > 0) {
        const isUnknown =
          plan.records.length > 1 || plan.relaxable !== undefined;
        unknown.add(request, plan.created, isUnknown);
      }
      plans.push(plan);
    }
    flush();
    return results;
  }

  /** Send the planned records, and commit their outcomes. */
  #flush(
    plans: readonly Plan[],
    send: Send,
    op: Op | undefined,
  ): ChangeResult[] {
    const records = plans.flatMap((plan) => plan.records);
    const errnos = this.#sender.send(records, send);
    let next = 0;
    return plans.map((plan) => {
      const own = errnos.slice(next, next + plan.records.length);
      next += plan.records.length;
      this.#relax(plan, own, send);
      plan.commit(own);
      const errno = plan.refused ?? own.at(-1) ?? 0;
      if (errno !== 0) this.#restore(plan.given, own[0], send);
      return this.#result(plan, errno, op);
    });
  }

  /** Send a plan again without the bits for which the kernel refused it. */
  #relax({ relaxable, records }: Plan, errnos: number[], send: Send): void {
    if (
      relaxable === undefined ||
      !this.#clearOptional(relaxable, errnos.at(-1))
    )
      return;
    const record = records[records.length - 1];
    record.fflags = relaxable.fflags;
    errnos[errnos.length - 1] = this.#sender.send([record], send)[0];
  }

  /** Whether to send a request again without its optional bits. */
  #clearOptional(request: Encoded, errno: number | undefined): boolean {
    if (!request.optional || errno !== this.#facts.errno.EACCES) return false;
    request.optional = undefined;
    return true;
  }

  /**
   * A step was refused. Its first record may have deleted a registration, to
   * replace it: restore that. Remove a registration that the kernel has ended, or
   * does not restore. Its last events are still delivered.
   */
  #restore(
    { request }: EncodedStep,
    first: number | undefined,
    send: Send,
  ): void {
    const old = this.#registry.find(request);
    if (old === undefined) return;
    const flags = this.#facts.constants.EV_ADD | old.request.flags;
    const isLost =
      first === 0
        ? send([this.#record(old.request, flags, old.token)], null) !== 0
        : this.#isGone(first);
    if (isLost) this.#registry.remove(old);
  }

  #result(plan: Plan, errno: number, op: Op | undefined): ChangeResult {
    const { step: given, op: own, filter, request } = plan.given;
    if (errno === 0) return { step: given, ok: true, error: undefined };
    // The operation of a step that names none; by default it adds.
    const isSaid = op === undefined || (given.op ?? 'add') === op;
    const step = isSaid ? given : ({ ...given, op } as Step);
    const code = errnoName(this.#facts, errno) ?? `E${errno}`;
    const { why = '' } = plan;
    const reason = this.#reasonOf(request, errno);
    const message = `kevent ${code}: ${own} ${filter} ${request.ident}${why}${reason}`;
    const error = new KqueueError(message, code, -errno, 'kevent');
    return { step, ok: false, error };
  }

  /** The reason of a refusal, in addition to the errno's name. */
  #reasonOf({ filter, ident }: EncodedKey, errno: number): string {
    const reason = currentKernel().reason?.(errno, { filter, ident });
    return reason === undefined ? '' : ` (${reason})`;
  }

  /** @param added What an earlier step registers, if it is not refused. */
  #plan(given: EncodedStep, added?: Registration): Plan {
    switch (given.op) {
      case 'add':
        return this.#add(given);
      case 'modify':
        return this.#modify(given);
      case 'enable':
      case 'disable':
        return this.#toggle(given);
      case 'delete':
        return this.#delete(given);
      case 'trigger':
        return this.#trigger(given, added);
    }
  }

  #add(given: EncodedStep): Plan {
    const { EV_ADD, EV_ENABLE, EV_DISABLE } = this.#facts.constants;
    const { request, udata } = given;
    const created = this.#registry.create(request, udata);
    const old = this.#registry.find(request);
    let flags = EV_ADD | request.flags;
    if (old !== undefined && (flags & EV_DISABLE) === 0) flags |= EV_ENABLE;
    const record = this.#record(request, flags, created.token);
    return {
      given,
      created,
      ...this.#replacing(given, old, record),
      commit: (errnos) => {
        if (errnos.at(-1) === 0) this.#registry.add(created);
      },
    };
  }

  #modify(given: EncodedStep): Plan {
    const { EV_ADD, EV_ONESHOT } = this.#facts.constants;
    const { filter, request: wanted, hasUdata, udata } = given;
    const registration = this.#registry.find(wanted);
    if (registration === undefined) return this.#notRegistered(given);
    const old = registration.request;
    // Only the one-shot flag of a timer can change.
    const isTimer = filter === 'timer';
    const kept = isTimer ? old.flags & ~EV_ONESHOT : old.flags;
    const flags = isTimer ? kept | (wanted.flags & EV_ONESHOT) : kept;
    const request = withFlags(wanted, flags);
    const fresh = !this.#canModifyInPlace(old, request);
    const touch = fresh ? EV_ADD | flags : this.#modifyFlag();
    const record = this.#record(request, touch, registration.token);
    return {
      given,
      ...this.#replacing({ ...given, request }, registration, record),
      commit: (errnos) => {
        if (errnos.at(-1) !== 0) return;
        registration.request = request;
        if (hasUdata) registration.udata = udata;
      },
    };
  }

  #toggle(given: EncodedStep): Plan {
    const { EV_ENABLE, EV_DISABLE } = this.#facts.constants;
    const registration = this.#registry.find(given.request);
    if (registration === undefined) return this.#notRegistered(given);
    const { request } = registration;
    const isOn = given.op === 'enable';
    const others = request.flags & ~EV_DISABLE;
    const toggled = withFlags(request, isOn ? others : others | EV_DISABLE);
    const flag = isOn ? EV_ENABLE : EV_DISABLE;
    return {
      given,
      // Send the whole request again, because a change without it would erase
      // it.
      records: [this.#record(request, flag, registration.token)],
      commit: ([errno]) => {
        if (errno === 0) registration.request = toggled;
      },
    };
  }

  #delete(given: EncodedStep): Plan {
    const { request } = given;
    return {
      given,
      records: [this.#deletion(request)],
      commit: ([errno]) => {
        if (errno !== 0 && !this.#isGone(errno)) return;
        const registration = this.#registry.find(request);
        if (registration !== undefined) this.#registry.drop(registration);
      },
    };
  }

  /** The record of a trigger, which needs no plan. */
  trigger(step: Omit<Trigger, 'op'>): KeventInit {
    const request = this.#encoder.trigger(step);
    const token = this.#registry.find(request)?.token ?? 0;
    return this.#record(request, 0, token);
  }

  #trigger(given: EncodedStep, added: Registration | undefined): Plan {
    const { request } = given;
    const target = added ?? this.#registry.find(request);
    return {
      given,
      records: [this.#record(request, 0, target?.token ?? 0)],
      commit: () => {},
    };
  }

  /** A change of something that is not registered with this queue. */
  #notRegistered(given: EncodedStep): Plan {
    const refused = this.#facts.errno.ENOENT;
    const why = ', which is not registered';
    return { given, records: [], commit: () => {}, refused, why };
  }

  /**
   * The records that add a request. An old registration with the same key has
   * to be deleted first, which loses its trigger, notes and phase. So a request
   * that the kernel will refuse is refused before that.
   */
  #replacing(
    { filter, request }: EncodedStep,
    old: Registration | undefined,
    record: Sendable,
  ): Pick<Plan, 'records' | 'refused' | 'relaxable'> {
    const relaxable = request.optional ? request : undefined;
    if (old === undefined || this.#canModifyInPlace(old.request, request)) {
      return { records: [record], relaxable };
    }
    // A record that cannot be encoded must not delete the old registration.
    this.#check(request);
    // The effect of a filter without a name is unknown.
    let refused = filter === 'raw' ? 0 : this.#rehearse(record);
    if (this.#clearOptional(request, refused)) {
      record.fflags = request.fflags;
      refused = this.#rehearse(record);
    }
    if (refused === 0)
      return { records: [this.#deletion(request), record], relaxable };
    if (refused === this.#facts.errno.EBADF) this.#registry.remove(old);
    return { records: [], refused };
  }

  /** @throws {TypeError | RangeError} If a field has no room for its value. */
  #check(request: Encoded): void {
    this.#scratch ??= new KeventList(1);
    this.#scratch.clear();
    this.#scratch.push(this.#record(request, request.flags, 0));
  }

  #record(request: Encoded, flags: number, udata: number): Sendable {
    const { ident, filter, data, ext, optional } = request;
    const fflags = optional
      ? (request.fflags | optional) >>> 0
      : request.fflags;
    return { ident, filter, flags, fflags, data, udata, ext };
  }

  #deletion({ filter, ident }: EncodedKey): Sendable {
    return { ident, filter, flags: this.#facts.constants.EV_DELETE };
  }

  /** The flag that modifies an existing registration: usually EV_ADD alone. */
  #modifyFlag(): number {
    const { name, constants } = this.#facts;
    return name === 'darwin' || name === 'freebsd' ? 0 : constants.EV_ADD;
  }

  /**
   * Whether a registration can be changed in place. Flags do not change after
   * creation, and a timer cannot switch between absolute and relative time.
   * Older FreeBSD (9) and NetBSD (7) keep the time of a running timer, and
   * NetBSD 10 loses its flags.
   */
  #canModifyInPlace(old: Encoded, next: Encoded): boolean {
    const { constants, name } = this.#facts;
    if (((old.flags ^ next.flags) & ~constants.EV_DISABLE) !== 0) return false;
    if (next.filter !== constants.EVFILT_TIMER) return true;
    if (name !== 'darwin') return false;
    return ((old.fflags ^ next.fflags) & constants.NOTE_ABSOLUTE) === 0;
  }

  /** Whether an errno means that the registration no longer exists. */
  #isGone(errno: number | undefined): boolean {
    const { ENOENT, EBADF } = this.#facts.errno;
    return errno === ENOENT || errno === EBADF;
  }
}

/** A request with other flags. Not a spread, which V8 makes slow objects of. */
function withFlags(request: Encoded, flags: number): Encoded {
  const { filter, ident, fflags, data, ext, optional } = request;
  return { filter, ident, flags, fflags, data, ext, optional };
}
