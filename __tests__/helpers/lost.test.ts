// A helper whose queue is closed by other code, or that finds no descriptor,
// says so: nobody waits for ever, and nothing stays open.
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
  const told = await printedBy('helpers/lost', 'closedBehind');
  expect(told).toEqual(HELPERS.map((name) => [name, 'EBADF']));
});

onLinux('a helper without a free descriptor fails with EMFILE', async () => {
  const told = await printedBy('helpers/lost', 'noneLeft', {
    first: 'ulimit -n 100',
  });
  expect(told).toEqual(HELPERS.map((name) => [name, 'EMFILE', 0]));
});
