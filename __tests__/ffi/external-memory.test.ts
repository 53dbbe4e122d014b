// Electron and a V8 with a sandbox forbid ArrayBuffers over memory of C.
import { join } from 'node:path';
import { root, run } from '../support/built-package.js';
import { onLinux } from '../support/fds.js';

onLinux('errors and signals are right without external memory', async () => {
  const file = join(root, '__tests__/fixtures/ffi/no-external-memory.cjs');
  expect(await run(process.execPath, [file])).toEqual({
    stdout: 'EBADF\nEBADF\n1\n',
    stderr: '',
    status: 0,
  });
});
