// `npm run unit:mac`: the tests on a machine that passes for a Mac, with a double of
// Darwin's kernel behind FFI, as far as doubles can carry them.
import config from './jest.config.js';

const FILES = [
  'abi/{layouts,names}',
  'calls/{constants,kevent-list,misuse,timer-units,trace}',
  'conformance/{cases,rules}-*',
  'conformance/{coverage,limits,recordings,traces}',
  'errors',
  'explain/*',
  'faults/loop',
  'ffi/{doubles-*,load}',
  'fuzz/*',
  'helpers/{exited,interval,iterators,lost,readiness,shared-queue,signals}',
  'helpers/{watch-directory,watch-file}',
  'host/*',
  'memory/*',
  'model/*',
  'queue/*',
];
// Left out are:
// - abi/constants: the numbers of errno and signals are those of this machine.
// - adversary, cli, crash, docs, package, soak: their programs find Linux.
// - calls/kevent64: the double has one way to call kevent.
// - doctor: it opens a Mac's C library by its path.
// - faults/linux, faults/kqueue, linux: they are of the kernel for Linux.
// - ffi/external-memory, ffi/foreign: they start programs, which find Linux.
// - ffi/processes: it tests what is replaced here, waitid(2).

/** Cases in which Linux differs from Darwin: conformance/deviations.ts has the reasons. */
const OF_LINUX = [
  'F06-elsewhere',
  ...['P12', 'Q11', 'Q12', 'R09', 'R29', 'R30', 'R34', 'R40', 'S05', 'V23'],
  ...['X110', 'X169'],
  // By the same rule as F06-elsewhere.
  'After an empty poll .* that other code closed while its file is open',
];

/** @type {import('jest').Config} */
export default {
  ...config,
  testMatch: FILES.map((name) => `<rootDir>/__tests__/${name}.test.ts`),
  testNamePattern: `^(?!.*(${OF_LINUX.join('|')}))`,
  setupFiles: ['<rootDir>/__tests__/support/mocked-mac.ts'],
};
