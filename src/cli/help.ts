import type { Command } from './command.js';
import { commands } from './commands.js';

const FOLLOWING = `Options:
      --json         print one JSON object per line
  -n, --count N      end after N events
      --once         end after the first
  -t, --timeout DUR  end with code 124 when it is not over after DUR
  -e, --exec CMD     run CMD for each event, one at a time, in their order.
                     CMD is split at spaces, '…' and "…" hold words together,
                     and no shell sees it: what happened is in variables of
                     its environment, all of it as JSON in KQ_JSON
  -h, --help         print this`;

const CODES = `Exit codes: 0 when all is well, 1 for a failure, 2 for wrong arguments, 124
when time ran out, 130 after Ctrl-C, 143 after SIGTERM; else that of the last
CMD of --exec that failed. When nobody reads the output any more, kq ends
quietly.`;

/** The help of a command. */
export function helpOf({
  name,
  usage,
  summary,
  help,
  options,
}: Command): string {
  const isFollowing = 'exec' in options;
  return [
    `Usage: kq ${name} ${isFollowing ? '[OPTIONS] ' : ''}${usage}`,
    `\n${summary[0].toUpperCase()}${summary.slice(1)}.`,
    `\n${help}`,
    ...(isFollowing ? [`\n${FOLLOWING}`, `\n${CODES}`] : []),
  ].join('\n');
}

/** The help of all. */
export function overview(): string {
  const lines = commands.map(
    ({ name, usage, summary }) =>
      `  ${`${name} ${usage.length > 12 ? '…' : usage}`.padEnd(18)} ${summary}`,
  );
  return `Usage: kq COMMAND …

kqueue on the command line: wait for files, processes, timers, descriptors and
signals, on macOS, the BSDs and Linux.

${lines.join('\n')}

kq COMMAND --help tells more; kq --version prints the version.

  kq watch --exec 'make test' src/main.c
  kq pid 4711 && echo done
  kq timer 250ms --count 10 --json

${CODES}`;
}
