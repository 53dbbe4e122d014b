// A helper fails clearly if other code closes its queue or if no descriptor is
// left: no wait hangs, and nothing stays open.
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

const HELPERS = [
  'interval',
  'signals',
  'readable',
  'watchFile',
  'watchDirectory',
  'exited',
];

onLinux('a helper whose queue other code closes fails with EBADF', async () => {
  const outcomes = await printedBy('helpers/lost', 'closedBehind');
  expect(outcomes).toEqual(HELPERS.map((name) => [name, 'EBADF']));
});

onLinux('a helper without a free descriptor fails with EMFILE', async () => {
  const outcomes = await printedBy('helpers/lost', 'noneLeft', {
    first: 'ulimit -n 100',
  });
  expect(outcomes).toEqual(HELPERS.map((name) => [name, 'EMFILE', 0]));
});
