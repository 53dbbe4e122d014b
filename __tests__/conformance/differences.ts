// Known differences of the BSDs from Darwin. The suite has not been run there:
// the rows come from the sources of these kernels (sys/kern/kern_event.c,
// sys_pipe.c, uipc_socket.c, vfs_subr.c), and from recordings of FreeBSD's and
// NetBSD's kernel code (../fixtures/traces.json). A test of such a row cannot
// fail: it records the behaviour of the kernel. Any other difference fails.
import { kernel } from '../../src/index.js';

interface Difference {
  readonly kernels: readonly string[];
  /** Cases of the list, such as `C09`. */
  readonly cases?: string;
  /** Rules of docs/rules.md, such as `C4`: all tests of them. */
  readonly rules?: string;
  readonly reason: string;
}

const BSDS = ['freebsd', 'openbsd', 'netbsd', 'dragonfly'];

const differences: readonly Difference[] = [
  {
    kernels: BSDS,
    cases: 'C09',
    rules: 'C4',
    reason: '10^9 nanoseconds are EINVAL',
  },
  {
    kernels: ['freebsd', 'netbsd', 'dragonfly'],
    cases: 'C10',
    reason: 'a timeout is looked at after the changes',
  },
  {
    kernels: BSDS,
    rules: 'C1',
    reason: 'the descriptor is looked at before the timeout',
  },
  {
    kernels: BSDS,
    cases: 'C15',
    rules: 'C9',
    reason: 'an entry has EV_ERROR alone, and no fflags after an ADD',
  },
  {
    kernels: BSDS,
    rules: 'C8',
    reason: 'a receipt that finds no room ends the call',
  },
  {
    kernels: ['freebsd', 'netbsd', 'dragonfly'],
    cases: 'C21 U03',
    rules: 'K2',
    reason: 'NOTE_TRIGGER in the creating ADD is lost',
  },
  {
    kernels: ['openbsd'],
    cases: 'C21 U03 U04',
    rules: 'K2',
    reason: 'control bits of the creating ADD are not stored',
  },
  {
    kernels: BSDS,
    cases: 'C25',
    rules: 'D4',
    reason: 'an ident beyond 2^31-1 is EBADF, or is cut to 32 bits',
  },
  {
    kernels: BSDS,
    cases: 'C27',
    rules: 'D2',
    reason: 'a filter that is not implemented is EINVAL, or ENXIO',
  },
  {
    kernels: BSDS,
    cases: 'C30',
    reason: 'ADD|DELETE of what is missing adds it',
  },
  {
    kernels: ['freebsd'],
    cases: 'C31',
    reason: 'ENABLE|DISABLE is EINVAL',
  },
  {
    kernels: ['openbsd', 'netbsd', 'dragonfly'],
    cases: 'C31',
    reason: 'ENABLE wins over DISABLE',
  },
  {
    kernels: BSDS,
    cases: 'C36 D24 F07',
    rules: 'D3 D16',
    reason: 'there is no EV_UDATA_SPECIFIC and no EV_VANISHED',
  },
  {
    kernels: BSDS,
    rules: 'D5',
    reason: 'the descriptor is looked up first: one that is closed is EBADF',
  },
  {
    kernels: ['netbsd', 'openbsd', 'dragonfly'],
    cases: 'T02 T08 T10 D11 D12',
    rules: 'D8 D11',
    reason: 'only EV_ADD replaces udata and evaluates the filter again',
  },
  {
    kernels: BSDS,
    cases: 'D03',
    reason: 'an event has no EV_DISABLE',
  },
  {
    kernels: BSDS,
    cases: 'D09',
    reason: 'a ONESHOT event is not evaluated again when it is collected',
  },
  {
    kernels: BSDS,
    cases: 'Q04',
    rules: 'B7 B8 B11 F5',
    reason:
      'a queue that watches a queue is reported later and in every call, with another depth limit',
  },
  { kernels: BSDS, cases: 'Q05', reason: 'watching itself may be allowed' },
  { kernels: BSDS, cases: 'Q07', reason: 'queues may be watched any depth' },
  {
    kernels: BSDS,
    cases: 'Q11 Q12',
    reason: 'read, write and fstat of a queue are those of the system',
  },
  {
    kernels: BSDS,
    rules: 'B6',
    reason: 'an event that is disabled counts until it is looked at',
  },
  {
    kernels: BSDS,
    cases: 'R04',
    rules: 'G1 G10 G11',
    reason: 'pipes ignore NOTE_LOWAT',
  },
  {
    kernels: BSDS,
    cases: 'R06 R10',
    rules: 'E7 G12 G13 G14',
    reason:
      'pipes go both ways; the end of WRITE comes once, with its data, and EPIPE when it is added',
  },
  {
    kernels: BSDS,
    cases: 'R13',
    rules: 'G20 G21 G22',
    reason: 'a FIFO is a pipe or a socket, which has an end',
  },
  {
    kernels: BSDS,
    cases: 'R21 R22',
    rules: 'G32 G38 G42',
    reason: 'a mark of a socket counts as given, whatever its buffer holds',
  },
  {
    kernels: BSDS,
    cases: 'R34',
    rules: 'G31 G34',
    reason: 'what counts as data of a datagram is the system’s own',
  },
  {
    kernels: BSDS,
    cases: 'R43',
    rules: 'G52',
    reason: 'the data of WRITE on a file is 0',
  },
  {
    kernels: BSDS,
    cases: 'R45 R46',
    rules: 'G54 G60 G61 G62',
    reason: 'folders, terminals and devices follow the filters of the system',
  },
  {
    kernels: BSDS,
    cases: 'R39 R40 R42',
    rules: 'G50 G51 G53',
    reason: 'not every system reports an lseek, or a negative distance',
  },
  {
    kernels: BSDS,
    cases: 'V02 V03 V05 V06 V08 V09 V11 V14 V15 V17 V18 V20 V23 V24',
    rules: 'I4',
    reason:
      'a write that grows a file has WRITE and EXTEND in one, an unlink no LINK, and a truncation is an attribute',
  },
  {
    kernels: BSDS,
    cases: 'M05 M08 M09',
    rules: 'J2 J7 J8',
    reason:
      'other bits of units, refused if unknown; an absolute timer is not one-shot by itself; a long time is cut short',
  },
  {
    kernels: BSDS,
    cases: 'M06',
    rules: 'J1 J6',
    reason: 'a period of 0 is EINVAL or the shortest, below it is EINVAL',
  },
  {
    kernels: BSDS,
    cases: 'T11 M11 M12 M14 M15 M17 M20',
    rules: 'J9 J10 J11 J12 J16',
    reason:
      'only EV_ADD touches a timer, where anything does; a disabled one counts on, and a refused touch is an event later',
  },
  {
    kernels: BSDS,
    rules: 'T6',
    reason: 'a one-shot timer counts 1 however late it is collected',
  },
  {
    kernels: ['openbsd', 'netbsd', 'dragonfly'],
    cases: 'M02 M03 M18 M21',
    rules: 'J3 J4 J15',
    reason: 'timers count in ticks of the clock, 10 ms by default',
  },
  {
    kernels: BSDS,
    cases: 'U15',
    reason: 'EV_CLEAR in a later change resets the latch',
  },
  {
    kernels: BSDS,
    cases: 'S04 S05 S06',
    reason: 'signals for a thread count too, and numbers may be checked',
  },
  {
    kernels: BSDS,
    cases: 'P02 P03 P06 P08 P09 P11 P14 P17 O04',
    reason:
      'NOTE_EXIT brings the status by itself, NOTE_TRACK works, and FreeBSD takes zombies',
  },
];

/**
 * Whether the kernel in use has its own rules, on which the suite has not been
 * run.
 */
export const isBsd = BSDS.includes(kernel.name);

const mine = differences.filter(({ kernels }) => kernels.includes(kernel.name));

/** Why this kernel is known to answer a case, or a rule, otherwise. */
export function knownDifference(
  kind: 'cases' | 'rules',
  id: string,
): string | undefined {
  const row = mine.find((each) => each[kind]?.split(' ').includes(id));
  return row?.reason;
}

/** Every id in the table. */
export const differentIds = (kind: 'cases' | 'rules'): string[] =>
  differences.flatMap((each) => each[kind]?.split(' ') ?? []);
