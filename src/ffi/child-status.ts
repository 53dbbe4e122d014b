import { type NativeLibrary, openLibrary } from './library.js';
import { nativeBlock } from './native-block.js';

/** waitid(2) of one system: constants of sys/wait.h, offsets in siginfo_t. */
interface Waitid {
  readonly P_PID: number;
  readonly WEXITED: number;
  readonly WNOWAIT: number;
  readonly code: number;
  readonly pid: number;
  readonly status: number;
}

const WAITIDS: Readonly<Record<string, Waitid>> = {
  darwin: { P_PID: 1, WEXITED: 4, WNOWAIT: 32, code: 8, pid: 12, status: 20 },
  freebsd: { P_PID: 0, WEXITED: 16, WNOWAIT: 8, code: 8, pid: 12, status: 20 },
  // Since OpenBSD 7.3.
  openbsd: { P_PID: 2, WEXITED: 4, WNOWAIT: 16, code: 4, pid: 16, status: 40 },
};

/** The same everywhere. */
const WNOHANG = 1;
const CLD_EXITED = 1;
const CLD_KILLED = 2;
const CLD_DUMPED = 3;
const CORE = 0x80;
const SIGINFO_BYTES = 128;

/**
 * The exit status of a child of this process that has ended, as wait(2) reports
 * it. The child is not reaped.
 *
 * @returns `undefined` if it is not a child, is still running, or if this system
 * does not report it.
 */
export function childStatus(
  pid: number,
  platform: string = process.platform,
  library: NativeLibrary = openLibrary(null),
): number | undefined {
  if (!Object.hasOwn(WAITIDS, platform)) return undefined;
  const system = WAITIDS[platform];
  const waitid = library.func('waitid', 'int', [
    'int',
    // id_t has 32 bits on Darwin and OpenBSD, and 64 on FreeBSD.
    'intptr_t',
    'uintptr_t',
    'int',
  ]);
  if (waitid === undefined) return undefined;
  const { P_PID, WEXITED, WNOWAIT } = system;
  const info = nativeBlock(SIGINFO_BYTES);
  const options = WEXITED | WNOHANG | WNOWAIT;
  if (waitid(P_PID, pid, info.address, options) !== 0) return undefined;
  // Nothing is written for a child that still runs.
  if (info.i32[system.pid / 4] !== pid) return undefined;
  const status = info.i32[system.status / 4];
  switch (info.i32[system.code / 4]) {
    case CLD_EXITED:
      return (status & 0xff) << 8;
    case CLD_KILLED:
      return status & 0x7f;
    case CLD_DUMPED:
      return (status & 0x7f) | CORE;
    default:
      return undefined;
  }
}
