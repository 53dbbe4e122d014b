// Calls that a signal or a lack of memory interrupts are repeated, and only those:
// the end of a stream that is missed once would never be reported.
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import { Probe } from '../../src/linux/probe.js';
import { onLinux } from '../support/fds.js';

const [EINTR, EBADF, ENOMEM, EPIPE, ENOBUFS] = [4, 9, 12, 32, 105];
const POLLIN = 1;

type Call = 'poll' | 'statx' | 'send';

/** Probe over a libc in which a call fails some times, then returns a result. */
function probing(call: Call, failures: number, errno: number, result = 0) {
  const real = bindLibc();
  let calls = 0;
  const attempt = (): number => {
    calls++;
    // All requested events have occurred.
    if (call === 'poll' && calls > failures) {
      const { i32 } = real.scratch;
      i32[1] |= i32[1] << 16;
    }
    return calls > failures ? result : -1;
  };
  const libc: Libc = { ...real, errno: () => errno, [call]: attempt };
  return { probe: new Probe(libc), calls: () => calls };
}

/** The outcome of a call that succeeds, and of one that fails. */
const CALLS: [Call, (probe: Probe) => unknown, unknown, unknown, number][] = [
  ['poll', (probe) => probe.poll(0, POLLIN), POLLIN, 0, 1],
  ['statx', (probe) => probe.stat(0) !== undefined, true, false, 0],
  ['send', (probe) => probe.unixSendFails(0), false, false, 0],
];

describe.each(CALLS)('%s', (call, ask, done, failed, result) => {
  for (const errno of [EINTR, ENOMEM, ENOBUFS]) {
    onLinux(`is repeated after errno ${errno}, but not for ever`, () => {
      for (const failures of [0, 1, 2]) {
        const { probe, calls } = probing(call, failures, errno, result);
        expect(ask(probe)).toBe(done);
        expect(calls()).toBe(failures + 1);
      }
      const { probe, calls } = probing(call, 1000, errno, result);
      expect(ask(probe)).toBe(failed);
      expect(calls()).toBe(3);
    });
  }

  onLinux('is not repeated after another errno', () => {
    const { probe, calls } = probing(call, 1000, EBADF, result);
    expect(ask(probe)).toBe(failed);
    expect(calls()).toBe(1);
  });
});

onLinux('a send that fails with EPIPE shows the shutdown', () => {
  const { probe, calls } = probing('send', 1000, EPIPE);
  expect(probe.unixSendFails(0)).toBe(true);
  expect(calls()).toBe(1);
});
