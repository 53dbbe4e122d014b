import { DURATION_HELP } from './arguments.js';
import type { Command } from './command.js';
import { CODES } from './help.js';
import { formatOption, type Options } from './option.js';

/** A line of text as roff takes it. */
const escapeLine = (line: string): string =>
  line
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/…/g, '...')
    .replace(/^(?=[.'])/, '\\&');

/** Text as paragraphs; indented lines are set as they are. */
function paragraphs(text: string): string {
  const lines: string[] = [];
  let isExample = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('  ') !== isExample && line !== '') {
      isExample = !isExample;
      lines.push(...(isExample ? ['.RS 4', '.nf'] : ['.fi', '.RE']));
    }
    if (line === '') lines.push('.PP');
    else lines.push(escapeLine(isExample ? line.slice(2) : line));
  }
  if (isExample) lines.push('.fi', '.RE');
  // A paragraph begins by itself before and after an example.
  return lines.join('\n').replace(/\.PP\n(?=\.(RS|fi))/g, '');
}

const optionList = (options: Options): string =>
  Object.entries(options)
    .map(
      ([name, option]) =>
        `.TP\n.B ${escapeLine(formatOption(name, option))}\n${escapeLine(option.help)}.`,
    )
    .join('\n');

/** Options that are the same for several commands. */
function sharedOptions(commands: readonly Command[]): Options {
  const [first, ...others] = commands;
  return Object.fromEntries(
    Object.entries(first.options).filter(([name, option]) =>
      others.every(({ options }) => options[name] === option),
    ),
  );
}

function section(command: Command, shared: Options): string {
  const { name, usage, summary, help, options, variables } = command;
  const own = Object.fromEntries(
    Object.entries(options).filter(([key, option]) => shared[key] !== option),
  );
  return [
    `.SS "kq ${name} ${escapeLine(usage)}"`,
    `${escapeLine(summary[0].toUpperCase() + summary.slice(1))}.`,
    '.PP',
    paragraphs(help),
    ...(Object.keys(own).length === 0 ? [] : [optionList(own)]),
    ...(variables === undefined
      ? []
      : ['.PP', `Variables for \\-\\-exec: ${escapeLine(variables)}.`]),
  ].join('\n');
}

/** The page kq(1), in the roff macros of man(7). */
export function manual(commands: readonly Command[]): string {
  const following = commands.filter(({ variables }) => variables !== undefined);
  const shared = sharedOptions(following);
  const names = following.map(({ name }) => `kq ${name}`);
  return `.\\" Generated from the options of the command: npm run manual
.TH KQ 1 "" kqueue\\-ffi
.SH NAME
kq \\- wait for files, processes, timers, descriptors and signals
.SH SYNOPSIS
${commands
  .map(
    ({ name, usage }) => `.B kq ${name}\n[OPTIONS] ${escapeLine(usage)}\n.br`,
  )
  .join('\n')}
.B kq \\-\\-help
|
.B \\-\\-version
.SH DESCRIPTION
kqueue on the command line, on macOS, the BSDs and Linux.
kq waits for files, processes, timers, descriptors and signals, and prints a
line for each event. It also explains kevents.
.SH COMMANDS
${commands.map((command) => section(command, shared)).join('\n')}
.SH OPTIONS
These are options of ${names.slice(0, -1).join(', ')} and ${names.at(-1)}:
${optionList(shared)}
.PP
${escapeLine(DURATION_HELP)}
.SH ENVIRONMENT
The environment of CMD of \\-\\-exec describes the event: each field in a variable
such as KQ_EVENT, its time in KQ_TIME, and the whole event as JSON in KQ_JSON.
.TP
.B NO_COLOR
If it is set, kq prints no colors.
.TP
.B KQUEUE_FFI_TRACE
With 1, kq prints each call of kqueue, kevent and close to standard error.
.SH EXIT STATUS
${escapeLine(CODES)}
.SH SEE ALSO
.BR kqueue (2),
.BR entr (1),
.BR inotifywait (1),
.BR pidwait (1)
`;
}
