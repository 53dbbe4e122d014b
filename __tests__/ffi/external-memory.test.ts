// Electron and a V8 with a sandbox forbid ArrayBuffers over memory of C.
import { join } from 'node:path';
import { root, run } from '../support/built-package.js';
import { onLinux } from '../support/fds.js';

onLinux('reads errors and signals without external memory', async () => {
  const file = join(root, '__tests__/fixtures/ffi/no-external-memory.cjs');
  const right = { stdout: 'EBADF\nEBADF\n1\n', stderr: '', status: 0 };
  expect(await run(process.execPath, [file, 'known'])).toEqual(right);
  // Not every embedder that forbids it says so.
  expect(await run(process.execPath, [file, 'unknown'])).toEqual(right);
});
