// waitid(2) as a Mac's C library has it, over that of Linux: another number for
// WNOWAIT, and other offsets in siginfo_t.
import koffi from 'koffi';
import type { NativeLibrary } from '../../src/ffi/library.js';

const MAC = { WNOWAIT: 0x20, code: 8, pid: 12, status: 20 };
const LINUX = { WNOWAIT: 0x100_0000, code: 8, pid: 16, status: 24 };
const SIGINFO_BYTES = 128;

const waitid = koffi
  .load(null)
  .func('waitid', 'int', ['int', 'intptr_t', 'uintptr_t', 'int']);
const found = new Int32Array(SIGINFO_BYTES / 4);
const address = Number(koffi.address(found.buffer));

function macWaitid(
  type: number,
  pid: number,
  info: number,
  options: number,
): number {
  found.fill(0);
  const isKept = (options & MAC.WNOWAIT) !== 0;
  const known = options & ~MAC.WNOWAIT;
  const result = waitid(
    type,
    pid,
    address,
    isKept ? known | LINUX.WNOWAIT : known,
  ) as number;
  const given = new Int32Array(koffi.view(BigInt(info), SIGINFO_BYTES));
  for (const field of ['code', 'pid', 'status'] as const) {
    given[MAC[field] / 4] = found[LINUX[field] / 4] ?? 0;
  }
  return result;
}

export const library: NativeLibrary = {
  name: 'libSystem.B.dylib',
  func: (symbol) =>
    symbol === 'waitid'
      ? (macWaitid as ReturnType<NativeLibrary['func']>)
      : undefined,
};
