import type { Command } from './command.js';
import { completion } from './commands/completion.js';
import { constants } from './commands/constants.js';
import { doctor } from './commands/doctor.js';
import { explain } from './commands/explain.js';
import { fd } from './commands/fd.js';
import { pid } from './commands/pid.js';
import { signal } from './commands/signal.js';
import { timer } from './commands/timer.js';
import { user } from './commands/user.js';
import { watch } from './commands/watch.js';

/** All commands, in the order of the help. */
export const commands: readonly Command[] = [
  watch,
  pid,
  timer,
  fd,
  signal,
  user,
  explain,
  constants,
  doctor,
  completion(() => commands),
];
