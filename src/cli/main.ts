#!/usr/bin/env node
import { setMaxListeners } from 'node:events';
import { createRequire } from 'node:module';
import { KqueueError } from '../index.js';
import { parse } from './arguments.js';
import { commands } from './commands.js';
import { EXIT, Failure, Stop, UsageError } from './failure.js';
import { helpOf, overview } from './help.js';
import { print, printNote, watchOutput } from './screen.js';
import { dieOf } from './stop-signals.js';
import { suggest } from './suggestion.js';
import { checkUtf8 } from './utf8.js';

const commandNames = commands.map(({ name }) => name);

function version(): string {
  const require = createRequire(import.meta.url);
  return (require('kqueue-ffi/package.json') as { version: string }).version;
}

/** Options without any command. */
function runWithoutCommand(first: string | undefined): number {
  switch (first) {
    case undefined:
      process.stderr.write(`${overview()}\n`);
      return EXIT.usage;
    case '--version':
    case '-V':
      print(version());
      return EXIT.ok;
    case '--help':
    case '-h':
    case 'help':
      print(overview());
      return EXIT.ok;
    default:
      throw new UsageError(
        `there is no command '${first}'${suggest(first, commandNames)}`,
      );
  }
}

async function run(
  [first, ...rest]: readonly string[],
  stop: AbortController,
): Promise<number> {
  if (first === 'help' && rest.length > 0) return run([rest[0], '-h'], stop);
  const command = commands.find(({ name }) => name === first);
  if (command === undefined) return runWithoutCommand(first);
  const parsed = parse(rest, command.options);
  if (parsed.values.help === true) {
    print(helpOf(command));
    return EXIT.ok;
  }
  return command.run(parsed, stop);
}

/**
 * Whether an error is about a bad argument of the user: its message has the
 * common form.
 */
const isMisuse = (error: unknown): error is Error =>
  (error instanceof TypeError || error instanceof RangeError) &&
  /^Cannot .* as '.*' must be /.test(error.message);

/** Report an error, and choose the exit code. */
function reportError(error: unknown, name: string | undefined): number {
  if (error instanceof Stop) {
    if (error.signal !== undefined) dieOf(error.signal);
    return error.code;
  }
  if (error instanceof UsageError || isMisuse(error)) {
    const known = name !== undefined && commandNames.includes(name);
    printNote(error.message);
    printNote(`try: kq ${known ? `${name} ` : ''}--help`);
    return EXIT.usage;
  }
  if (error instanceof Failure) {
    printNote(error.message);
    return error.code;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof KqueueError || code !== undefined) {
    printNote(message);
    return EXIT.failure;
  }
  throw error;
}

const stop = new AbortController();
// Each path and each process adds a listener.
setMaxListeners(0, stop.signal);
watchOutput((reason) => stop.abort(reason));
const args = process.argv.slice(2);
try {
  checkUtf8(args);
  process.exitCode = await run(args, stop);
} catch (error) {
  process.exitCode = reportError(error, args[0]);
}
