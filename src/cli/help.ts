import { DURATION_HELP } from './arguments.js';
import type { Command } from './command.js';
import { commands } from './commands.js';
import { COMMON, formatOption, type Options } from './option.js';
import { wrap } from './wrap.js';

const WIDTH = 79;
const OPTION_WIDTH = 20;

/** The exit codes, for the help and the manual. */
export const CODES = `0 for success, also when the output is closed; 1 for an error; 2 for wrong arguments; 124 if the time ran out; otherwise the exit code of the last CMD of --exec that failed. SIGINT and SIGTERM end kq after it has ended CMD: a shell reports 130 and 143.`;

const fill = (text: string): string => wrap(text, WIDTH).join('\n');

/** The lines of the options. */
function listOptions(options: Options): string {
  const lines = Object.entries(options).flatMap(([name, option]) => {
    const before = `  ${formatOption(name, option, true)}`;
    const indent = ' '.repeat(OPTION_WIDTH + 2);
    const text = wrap(option.help, WIDTH - indent.length).map(
      (line) => indent + line,
    );
    if (before.length >= indent.length) return [before, ...text];
    return [before + text[0].slice(before.length), ...text.slice(1)];
  });
  return lines.join('\n');
}

/** The help of a command. */
export function helpOf({
  name,
  usage,
  summary,
  help,
  options,
  variables,
}: Command): string {
  const isFollowing = variables !== undefined;
  return [
    `Usage: kq ${name} [OPTIONS] ${usage}`.trimEnd(),
    `${summary[0].toUpperCase()}${summary.slice(1)}.`,
    help,
    `Options:\n${listOptions({ ...options, ...COMMON })}`,
    ...(isFollowing
      ? [
          fill(DURATION_HELP),
          fill(
            `Variables for --exec: ${variables}, KQ_TIME; all of them as JSON in KQ_JSON.`,
          ),
          fill(`Exit codes: ${CODES}`),
        ]
      : []),
  ].join('\n\n');
}

/** The help without a command. */
export function overview(): string {
  const lines = commands.map(
    ({ name, usage, summary }) =>
      `  ${`${name} ${usage.length > 12 ? '…' : usage}`.padEnd(18)} ${summary}`,
  );
  return `Usage: kq COMMAND …

kqueue on the command line: wait for files, processes, timers, descriptors and
signals, on macOS, the BSDs and Linux.

${lines.join('\n')}

kq COMMAND --help describes a command; kq --version prints the version.

  kq watch --exec 'make test' src/main.c
  kq pid 4711 && echo done
  kq timer 250ms --count 10 --json

${fill(`Exit codes: ${CODES}`)}`;
}
