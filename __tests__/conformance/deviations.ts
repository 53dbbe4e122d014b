// Every place where a kernel cannot behave as Darwin does. A row that no longer
// deviates fails its test, so this table lists exactly the missing behaviour.
import { kernel } from '../../src/index.js';

interface Row {
  /** The kernel's name, as `kernel.name` says it. */
  readonly kernel: string;
  /** The rule of docs/rules.md that lists it. */
  readonly rule: string;
  readonly reason: string;
}

/** A case whose test must fail there. */
export interface CaseDeviation extends Row {
  readonly case: string;
}

/** The steps of a recorded scenario that differ there. */
export interface TraceDeviation extends Row {
  readonly trace: string;
  /** What each of these steps answers instead, with `N` for a descriptor. */
  readonly steps: Readonly<Record<number, string>>;
}

/** One that cannot be set up in one JavaScript realm at all. */
export interface Unplayable {
  readonly id: string;
  readonly rule: string;
  readonly reason: string;
}

const CAPACITY = 'a pipe holds 65536 bytes and is writable by page, not byte';
const FIRST_DATAGRAM = 'FIONREAD reports only the size of the first datagram';
const SAME_FILE = 'a file that was closed and put back cannot be detected';
const EPOLL_FD = 'the descriptor is an epoll: its read, write, fstat are';
const CONSUMED = 'reading the error of a socket takes it from the program';

export const caseDeviations: readonly CaseDeviation[] = [
  { kernel: 'linux', case: 'Q11', rule: 'Q7.10', reason: EPOLL_FD },
  { kernel: 'linux', case: 'Q12', rule: 'Q7.10', reason: EPOLL_FD },
  { kernel: 'linux', case: 'F06-elsewhere', rule: 'Q7.1', reason: SAME_FILE },
  { kernel: 'linux', case: 'R09', rule: 'Q7.4', reason: CAPACITY },
  { kernel: 'linux', case: 'R29', rule: 'Q7.2', reason: CONSUMED },
  { kernel: 'linux', case: 'R30', rule: 'Q7.2', reason: CONSUMED },
  {
    kernel: 'linux',
    case: 'R33',
    rule: 'Q7.3',
    reason: 'an acknowledged send is an edge only where the buffer was full',
  },
  { kernel: 'linux', case: 'R34', rule: 'Q7.4', reason: FIRST_DATAGRAM },
  {
    kernel: 'linux',
    case: 'R40',
    rule: 'Q7.7',
    reason: 'lseek is silent: only the next call sees it',
  },
  {
    kernel: 'linux',
    case: 'V23',
    rule: 'Q7.6',
    reason: 'no notification of an unlock',
  },
  {
    kernel: 'linux',
    case: 'V24',
    rule: 'Q7.6',
    reason: 'no notification of a store through a mapping',
  },
  {
    kernel: 'darwin',
    case: 'S04',
    rule: 'Q7.9',
    reason: 'another thread of Node.js takes the signal that one thread blocks',
  },
  {
    kernel: 'linux',
    case: 'S04',
    rule: 'Q7.9',
    reason: 'another thread takes the signal that one thread blocks',
  },
  {
    kernel: 'linux',
    case: 'S05',
    rule: 'Q7.9',
    reason:
      'a handler cannot see whether a thread or the process got the signal',
  },
  {
    kernel: 'linux',
    case: 'P12',
    rule: 'Q7.8',
    reason: 'FORK and EXEC have no source without privileges',
  },
];

export const traceDeviations: readonly TraceDeviation[] = [
  {
    kernel: 'linux',
    trace: 'Q11',
    steps: { 1: 'read: EINVAL', 2: 'write: EINVAL' },
    rule: 'Q7.10',
    reason: EPOLL_FD,
  },
  {
    kernel: 'linux',
    trace: 'X110',
    steps: {
      5: 'kevent: 1\n  N -2 flags=0x1 fflags=0x0 data=>0 udata=0x0',
    },
    rule: 'Q8',
    reason: CAPACITY,
  },
  {
    kernel: 'linux',
    trace: 'X169',
    steps: {
      7: 'kevent: 1\n  N -1 flags=0x0 fflags=0x0 data=3 udata=0x0',
    },
    rule: 'Q7.4',
    reason: FIRST_DATAGRAM,
  },
];

const REAL_TIME =
  'signal 64 is a real-time signal here, which Node cannot catch: it would kill';
const OWN_SHUTDOWN =
  'shutdown(SHUT_WR) of its own side is an edge of a socket on Linux too';

/** Programs of fixtures/xnu-11417.jsonl.gz with other results on the built-in kernel. */
export const recordingDeviations: readonly {
  readonly id: string;
  readonly rule: string;
  readonly reason: string;
}[] = [
  { id: 'unixpair-51', rule: 'Q7.5', reason: OWN_SHUTDOWN },
  { id: 'unixpair-121', rule: 'Q7.5', reason: OWN_SHUTDOWN },
  { id: 'unixpair-142', rule: 'Q7.5', reason: OWN_SHUTDOWN },
  { id: 'signal-1', rule: 'Q7.9', reason: REAL_TIME },
  { id: 'signal-13', rule: 'Q7.9', reason: REAL_TIME },
  { id: 'signal-33', rule: 'Q7.9', reason: REAL_TIME },
  { id: 'signal-56', rule: 'Q7.9', reason: REAL_TIME },
  {
    id: 'unixpair-126',
    rule: 'Q7.13',
    reason:
      'a descriptor that is watched in both directions is in two epolls, between which the order is lost',
  },
];

/**
 * For every kernel: the tables of a queue live in the realm that created it.
 */
export const unplayable: readonly Unplayable[] = [
  {
    id: 'Q08',
    rule: 'Q7.10',
    reason: 'the queue is closed while a call of the same realm is blocked',
  },
  {
    id: 'U16',
    rule: 'Q7.10',
    reason: 'another realm triggers a registration of this one',
  },
  {
    id: 'X140',
    rule: 'Q7.10',
    reason: 'another realm adds a registration to a queue of this one',
  },
  {
    id: 'X142',
    rule: 'Q7.10',
    reason: 'two realms are blocked in one queue',
  },
];

export const caseDeviation = (id: string): CaseDeviation | undefined =>
  caseDeviations.find((row) => row.kernel === kernel.name && row.case === id);

export const traceDeviation = (id: string): TraceDeviation | undefined =>
  traceDeviations.find((row) => row.kernel === kernel.name && row.trace === id);
