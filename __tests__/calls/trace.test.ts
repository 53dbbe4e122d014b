// KQUEUE_FFI_TRACE=1 prints every call and its result to standard error.
import { kernels } from '../../src/abi.js';
import { listFor } from '../../src/calls/kevent-list.js';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { traced } from '../../src/calls/trace.js';
import { bindKernel } from '../../src/ffi/native-kernel.js';
import { runLine, runProgram } from '../support/child.js';
import {
  type DoubleOptions,
  disposeDoubles,
  double,
} from '../support/doubles.js';

afterEach(disposeDoubles);

const TRACE = { env: { KQUEUE_FFI_TRACE: '1' } };

/** A traced double, and its trace. */
function watched(options: DoubleOptions) {
  const written: string[] = [];
  const kernel = bindKernel(
    kernels[options.kernel],
    'x64',
    double({ cpu: 'x64', ...options }).library,
  );
  const calls = syscallsOf(() =>
    traced(kernel, kernel.facts, (text) => written.push(text)),
  );
  const list = (capacity: number) => listFor(kernel.words, capacity);
  return { calls, list, written };
}

test('prints one line per call with its arguments, result and timeout', () => {
  const { calls, list, written } = watched({
    kernel: 'darwin',
    behaviour: {
      kqueue: () => 5,
      kevent: ({ answer, nevents }) =>
        nevents === 0
          ? 0
          : answer({ ident: 7n, filter: -1n, flags: 0x8000n, data: 12n }),
    },
  });
  calls.kqueue();
  const change = { ident: 7, filter: -1, flags: 0x21 };
  calls.kevent(5, [change], list(64), 1500);
  calls.kevent(5, [change], null);
  calls.close(5);
  expect(written.join('')).toBe(
    `kqueue() = 5
kevent(5, [{7 READ ADD|CLEAR}], 64, 1.5s) = 1 [{7 READ EOF data=12}]
kevent(5, [{7 READ ADD|CLEAR}], 0, NULL) = 0
close(5) = 0
`,
  );
});

test('prints a line when a wait begins', () => {
  const seen: string[] = [];
  const { calls, list, written } = watched({
    kernel: 'freebsd',
    behaviour: {
      kevent: () => {
        seen.push(written.join(''));
        return 0;
      },
    },
  });
  calls.kevent(5, null, list(1));
  calls.kevent(5, null, list(1), 0);
  expect(seen).toEqual([
    'kevent(5, NULL, 1, NULL)',
    'kevent(5, NULL, 1, NULL) = 0\n',
  ]);
});

test.each([
  [0, '0'],
  [0.000001, '0.000001ms'],
  [0.25, '0.25ms'],
  [250, '250ms'],
  [1000, '1s'],
  [1234.5, '1.2345s'],
  [{ tv_sec: 3, tv_nsec: 5 }, '3.000000005s'],
  [{ tv_sec: -1, tv_nsec: 0 }, '{tv_sec=-1, tv_nsec=0}'],
  [{ tv_sec: 0, tv_nsec: 1e9 }, '{tv_sec=0, tv_nsec=1000000000}'],
  [null, 'NULL'],
])('prints a timeout of %p as %s', (timeout, shown) => {
  const { calls, list, written } = watched({ kernel: 'darwin' });
  calls.kevent(5, null, list(1), timeout);
  expect(written.join('')).toBe(`kevent(5, NULL, 1, ${shown}) = 0\n`);
});

test('uses the names of the called kernel', () => {
  const { calls, written } = watched({ kernel: 'freebsd' });
  const timer = { ident: 1, filter: -7, flags: 1, fflags: 4, data: 250 };
  calls.kevent(5, [timer], null);
  expect(written.join('')).toContain('{1 TIMER ADD data=250 NOTE_USECONDS}');
});

test('prints the name of an error and preserves its errno', () => {
  const made: { fail?: (errno: number) => number } = {};
  const options: DoubleOptions = {
    kernel: 'openbsd',
    cpu: 'x64',
    behaviour: {
      kqueue: () => made.fail?.(24) ?? 0,
      kevent: () => made.fail?.(9) ?? 0,
      close: () => made.fail?.(4) ?? 0,
    },
  };
  const kernel = double(options);
  made.fail = (errno) => kernel.fail(errno);
  const written: string[] = [];
  const bound = bindKernel(kernels.openbsd, 'x64', kernel.library);
  const calls = syscallsOf(() =>
    traced(bound, bound.facts, (text) => {
      written.push(text);
      // As writing to a terminal that is gone would.
      kernel.fail(32);
    }),
  );
  const code = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  };
  expect(code(() => calls.kqueue())).toBe('EMFILE');
  expect(code(() => calls.kevent(5, null, null, 0))).toBe('EBADF');
  expect(code(() => calls.close(5))).toBe('EINTR');
  expect(written.join('')).toBe(
    'kqueue() = -1 EMFILE\nkevent(5, NULL, 0, 0) = -1 EBADF\nclose(5) = -1 EINTR\n',
  );
});

test('prints the flags of kevent64 by name', () => {
  const { calls, written } = watched({ kernel: 'darwin', symbol: 'kevent64' });
  calls.kevent64(
    5,
    [{ ident: 1, filter: -10, flags: 1, ext: [1] }],
    null,
    3,
    0,
  );
  expect(written.join('')).toBe(
    'kevent64(5, [{1 USER ADD ext=[0x1, 0x0]}], 0, KEVENT_FLAG_IMMEDIATE|KEVENT_FLAG_ERROR_EVENTS, 0) = 0\n',
  );
});

test('prints at most 32 entries of a list', () => {
  const { calls, written } = watched({ kernel: 'darwin' });
  const many = Array.from({ length: 40 }, (_, ident) => ({
    ident,
    filter: -1,
  }));
  calls.kevent(5, many, null);
  expect(written.join('')).toMatch(/\{31 READ\}, … 8 more\], 0, NULL\) = 0\n$/);
});

test('KQUEUE_FFI_TRACE=1 traces both tiers of a program, and nothing else', async () => {
  const { stdout, stderr, status } = await runProgram(
    'calls/trace',
    'bothTiers',
    TRACE,
  );
  expect({ stdout, status }).toEqual({ stdout: '5\n', status: 0 });
  const calls = stderr.trimEnd().split('\n');
  expect(calls[0]).toMatch(/^kqueue\(\) = \d+$/);
  expect(calls[1]).toMatch(/^kevent\(\d+, \[\{5 USER ADD\|CLEAR.*\}\], /);
  expect(calls[2]).toMatch(/^kevent\(\d+, \[\{5 USER NOTE_TRIGGER.*\}\], /);
  expect(calls[3]).toMatch(/^kevent\(\d+, NULL, .* = 1 \[\{5 USER /);
  expect(calls.at(-1)).toMatch(/^close\(\d+\) = 0$/);
});

test('names the worker thread in its lines', async () => {
  const { stderr, status } = await runProgram('calls/trace', 'worker', TRACE);
  expect(status).toBe(0);
  const [main, , worker] = stderr.split('\n');
  expect(main).toMatch(/^kqueue\(\) = \d+$/);
  expect(worker).toMatch(/^\[worker 1\] kqueue\(\) = \d+$/);
});

test.each([[''], ['0']])(
  'KQUEUE_FFI_TRACE=%s traces nothing',
  async (value) => {
    const env = { KQUEUE_FFI_TRACE: value };
    const script = 'api.close(api.kqueue()); print(1);';
    expect(await runLine(script, { env })).toEqual({
      stdout: '1\n',
      stderr: '',
      status: 0,
    });
  },
);

test('loses no line if the reader is slow and the process exits', async () => {
  const { stderr, status } = await runProgram(
    'calls/trace',
    'slowReader',
    TRACE,
  );
  expect(status).toBe(3);
  expect(stderr.match(/^kevent\(\d+, NULL, 0, 0\) = 0$/gm)).toHaveLength(5000);
});

test('does not end the process if standard error is closed', async () => {
  const script = 'api.close(api.kqueue()); print(1);';
  const closed = await runLine(script, { ...TRACE, first: 'exec 2>&-' });
  expect(closed).toEqual({ stdout: '1\n', stderr: '', status: 0 });
});
