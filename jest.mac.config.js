// `npm run unit:mac`: tests of the queue and the helpers on a machine that passes for
// a Mac, with a double of Darwin's kernel behind FFI. Left out are those that start
// other processes, which would find Linux, or that use what only a Mac's C library has:
// waitid(2) by its numbers; and those for which the double is too slow.
import config from './jest.config.js';

const FILES = [
  'queue/{async,changes,close,filters,wait,waker}',
  'helpers/{interval,readiness,signals,watch-file}',
];

/** @type {import('jest').Config} */
export default {
  ...config,
  testMatch: FILES.map((name) => `<rootDir>/__tests__/${name}.test.ts`),
  setupFiles: ['<rootDir>/__tests__/support/mocked-mac.ts'],
};
