// Tests of the types, run by `npm run typecheck`: a line that must be an error
// says so, and fails if it compiles.

import type { FileHandle } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { expectTypeOf } from 'expect-type';
import {
  type Change,
  type ExitStatus,
  type FdLike,
  Kqueue,
  type KqueueEvent,
  type ProcNote,
  type SignalName,
  type Step,
  type VnodeNote,
} from '../../src/index.js';

declare const kq: Kqueue<string>;
declare const anything: Kqueue;

/** Type checks: compiled, never run. */
const checked = (_: () => void): void => {};

checked(function eachFilterHasItsOwnFields() {
  kq.add({ filter: 'read', fd: 1, lowWater: 5, clear: true, udata: 'x' });
  kq.add({ filter: 'vnode', fd: 1, notes: ['write', 'delete'], udata: 'x' });
  kq.add({ filter: 'vnode', fd: 1, notes: 'rename', udata: 'x' });
  kq.add({ filter: 'proc', pid: 1, notes: 'exit', udata: 'x' });
  kq.add({ filter: 'signal', signal: 'SIGHUP', udata: 'x' });
  kq.add({ filter: 'signal', signal: 1, oneshot: true, udata: 'x' });
  kq.add({ filter: 'timer', id: 1n, every: { us: 5 }, udata: 'x' });
  kq.add({ filter: 'timer', id: 1, after: 0.5, udata: 'x' });
  kq.add({ filter: 'timer', id: 1, at: new Date(), udata: 'x' });
  kq.add({ filter: 'user', id: 1, dispatch: true, udata: 'x' });
  kq.add({ filter: 'raw', kevent: { ident: 1, filter: -9 }, udata: 'x' });
});

checked(function aWrongCombinationDoesNotCompile() {
  // @ts-expect-error no such filter
  anything.add({ filter: 'reed', fd: 1 });
  // @ts-expect-error a descriptor is missing
  anything.add({ filter: 'read' });
  // @ts-expect-error a pid is no descriptor
  anything.add({ filter: 'read', pid: 1 });
  // @ts-expect-error a descriptor has no notes
  anything.add({ filter: 'read', fd: 1, notes: 'write' });
  // @ts-expect-error a file has no low-water mark
  anything.add({ filter: 'vnode', fd: 1, notes: 'write', lowWater: 1 });
  // @ts-expect-error notes are missing
  anything.add({ filter: 'vnode', fd: 1 });
  // @ts-expect-error a note of processes
  anything.add({ filter: 'vnode', fd: 1, notes: 'exit' });
  // @ts-expect-error a note of files
  anything.add({ filter: 'proc', pid: 1, notes: ['exit', 'rename'] });
  // @ts-expect-error a timer without a time
  anything.add({ filter: 'timer', id: 1 });
  // @ts-expect-error a timer with two times
  anything.add({ filter: 'timer', id: 1, every: 1, after: 1 });
  // @ts-expect-error a duration is no ident
  anything.add({ filter: 'timer', ident: 1, every: 1 });
  // @ts-expect-error a duration with two units
  anything.add({ filter: 'timer', id: 1, every: { s: 1, minutes: 1 } });
  // @ts-expect-error a Date is no duration
  anything.add({ filter: 'timer', id: 1, every: new Date() });
  // @ts-expect-error no name of a signal
  anything.add({ filter: 'signal', signal: 'HUP' });
  // @ts-expect-error udata of a raw change is the queue's
  anything.add({ filter: 'raw', kevent: { ident: 1, filter: 1, udata: 1 } });
  // @ts-expect-error a misspelt option
  anything.add({ filter: 'user', id: 1, oneShot: true });
});

checked(function whatADescriptorIs() {
  expectTypeOf<Socket>().toExtend<FdLike>();
  expectTypeOf<Server>().toExtend<FdLike>();
  expectTypeOf<FileHandle>().toExtend<FdLike>();
  expectTypeOf<Kqueue>().toExtend<FdLike>();
  expectTypeOf<number>().toExtend<FdLike>();
  expectTypeOf<string>().not.toExtend<FdLike>();
  expectTypeOf<{ fd: string }>().not.toExtend<FdLike>();
});

checked(function theValueHasTheTypeOfTheQueue() {
  // @ts-expect-error it may not be left out
  kq.add({ filter: 'user', id: 1 });
  // @ts-expect-error it must be a string
  kq.add({ filter: 'user', id: 1, udata: 5 });
  anything.add({ filter: 'user', id: 1 });
  anything.add({ filter: 'user', id: 1, udata: 5 });
  new Kqueue<string | undefined>().add({ filter: 'user', id: 1 });
  kq.modify({ filter: 'read', fd: 1, lowWater: 1 });
  // @ts-expect-error it must be a string
  kq.modify({ filter: 'read', fd: 1, udata: 5 });

  expectTypeOf(kq.poll()).toEqualTypeOf<KqueueEvent<string>[]>();
  expectTypeOf(kq.poll()[0].udata).toEqualTypeOf<string>();
  expectTypeOf(anything.poll()[0].udata).toEqualTypeOf<unknown>();
  expectTypeOf(kq.next()).toEqualTypeOf<
    Promise<KqueueEvent<string> | undefined>
  >();
  kq.on((events) => {
    expectTypeOf(events).toEqualTypeOf<KqueueEvent<string>[]>();
  });
  expectTypeOf(Kqueue.fromFd<number>(1)).toEqualTypeOf<Kqueue<number>>();
});

checked(async function theLoopsAreTyped() {
  for await (const event of kq) {
    expectTypeOf(event).toEqualTypeOf<KqueueEvent<string>>();
  }
  for await (const events of kq.events({ max: 5 })) {
    expectTypeOf(events).toEqualTypeOf<KqueueEvent<string>[]>();
  }
});

checked(function theFilterTellsWhichEventItIs() {
  const [event] = kq.poll();
  // @ts-expect-error not before it is known which
  event.available;
  switch (event.filter) {
    case 'read':
      expectTypeOf(event.fd).toEqualTypeOf<number>();
      expectTypeOf(event.available).toEqualTypeOf<number>();
      expectTypeOf(event.eof).toEqualTypeOf<boolean>();
      expectTypeOf(event.error).toEqualTypeOf<string | undefined>();
      // @ts-expect-error that is a write event's
      event.space;
      break;
    case 'write':
      expectTypeOf(event.space).toEqualTypeOf<number>();
      break;
    case 'except':
      expectTypeOf(event.outOfBand).toEqualTypeOf<boolean>();
      break;
    case 'vnode':
      expectTypeOf(event.notes).toEqualTypeOf<readonly VnodeNote[]>();
      break;
    case 'proc':
      expectTypeOf(event.pid).toEqualTypeOf<number>();
      expectTypeOf(event.notes).toEqualTypeOf<readonly ProcNote[]>();
      expectTypeOf(event.exit).toEqualTypeOf<ExitStatus | undefined>();
      break;
    case 'signal':
      expectTypeOf(event.signal).toEqualTypeOf<SignalName | number>();
      expectTypeOf(event.count).toEqualTypeOf<number>();
      break;
    case 'timer':
      expectTypeOf(event.count).toEqualTypeOf<number>();
      expectTypeOf(event.expirations).toEqualTypeOf<number>();
      // @ts-expect-error an event has no duration: that is the change's
      event.every;
      break;
    case 'user':
      expectTypeOf(event.fflags).toEqualTypeOf<number>();
      break;
    case 'raw':
      expectTypeOf(event.raw.ident).toEqualTypeOf<number | bigint>();
      break;
    default:
      expectTypeOf(event).toBeNever();
  }
});

checked(function stepsAreTyped() {
  const steps: Step<string>[] = [
    { filter: 'user', id: 1, udata: 'x' },
    { op: 'add', filter: 'user', id: 1, udata: 'x' },
    { op: 'delete', filter: 'read', fd: 1 },
    { op: 'trigger', id: 1, fflags: 5 },
    // @ts-expect-error nothing is to be watched of a registration that ends
    { op: 'delete', filter: 'vnode', fd: 1, notes: 'write' },
    // @ts-expect-error no such operation
    { op: 'remove', filter: 'read', fd: 1 },
    // @ts-expect-error only user registrations are triggered
    { op: 'trigger', filter: 'timer', id: 1 },
  ];
  const [result] = kq.apply(steps);
  if (result.ok) expectTypeOf(result.error).toEqualTypeOf<undefined>();
  else expectTypeOf(result.error.code).toEqualTypeOf<string>();
});

checked(function aFunctionCanTakeAnyChange() {
  const addAll = <T>(queue: Kqueue<T>, changes: Change<T>[]): void =>
    queue.add(...changes);
  addAll(kq, [{ filter: 'user', id: 1, udata: 'x' }]);
});
