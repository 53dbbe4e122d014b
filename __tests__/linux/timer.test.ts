// Timers of the built-in kernel on a clock that the test moves.
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EVFILT_TIMER,
  KeventList,
  NOTE_NSECONDS,
} from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { onLinux } from '../support/fds.js';

onLinux(
  'a timer that is collected after 2^31 periods reports each period once',
  () => {
    const libc = bindLibc();
    let now = 1_000_000_000n;
    const clocked: Libc = {
      ...libc,
      clockGettime() {
        const { u32 } = libc.scratch;
        u32.fill(0, 0, 4);
        u32[0] = Number(now / 1_000_000_000n);
        u32[2] = Number(now % 1_000_000_000n);
        return 0;
      },
    };
    const kernel = createLinuxKernel(clocked);
    const { kqueue, kevent, close } = syscallsOf(() => kernel);
    const kq = kqueue();
    const list = new KeventList(1);
    try {
      const timer = {
        ident: 1,
        filter: EVFILT_TIMER,
        flags: EV_ADD,
        fflags: NOTE_NSECONDS,
        data: 1,
      };
      kevent(kq, [timer], null);
      for (const periods of [1, 2 ** 31 + 7, 2 ** 32 - 1, 2 ** 32 + 5, 10]) {
        now += BigInt(periods);
        expect(kevent(kq, null, list, null)).toBe(1);
        expect(Number(list.data(0))).toBe(periods);
      }
    } finally {
      close(kq);
    }
  },
);
