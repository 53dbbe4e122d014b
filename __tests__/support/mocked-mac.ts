// Loaded before each file of tests by jest.mac.config.js: this machine passes for a Mac
// whose kqueue is a double of Darwin's, with the built-in kernel behind it.
import type { ForeignKernel } from './foreign-kernel.js';

let mac: ForeignKernel | undefined;

jest.mock('../../src/ffi/native-kernel.js', () => ({
  ...jest.requireActual('../../src/ffi/native-kernel.js'),
  loadFfiKernel: () => {
    const { foreignKernel } = require('./foreign-kernel.js');
    mac ??= foreignKernel('darwin');
    return mac?.kernel;
  },
}));

jest.mock('../../src/ffi/child-status.js', () => {
  const { childStatus } = jest.requireActual('../../src/ffi/child-status.js');
  return {
    childStatus: (pid: number) =>
      childStatus(pid, 'darwin', require('./mac-waitid.js').library),
  };
});

// These are of the machine that the tests run on: koffi's build, the C library.
require('koffi');
require('../conformance/libc.js');
require('../conformance/outsider.js');

Object.defineProperty(process, 'platform', { value: 'darwin' });
