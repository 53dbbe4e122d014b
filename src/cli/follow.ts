import {
  type Option,
  optionText,
  type Parsed,
  parseDuration,
  parseInteger,
} from './arguments.js';
import { execute } from './exec.js';
import { EXIT, Stop, UsageError } from './failure.js';
import type { OutputEvent } from './output-event.js';
import { createScreen, printNote } from './screen.js';
import { splitWords } from './words.js';

/** Options of all commands that wait for events. */
export const FOLLOW_OPTIONS: Readonly<Record<string, Option>> = {
  json: { type: 'boolean' },
  once: { type: 'boolean' },
  count: { type: 'string', short: 'n' },
  timeout: { type: 'string', short: 't' },
  exec: { type: 'string', short: 'e' },
};

/** The source of events. The signal ends it. */
export type Source = (signal: AbortSignal) => AsyncIterable<OutputEvent>;

interface Settings {
  /** What is waited for, in a few words. */
  readonly what: string;
  /** Whether the source reads standard input, so that no command may. */
  readonly ownsStdin?: boolean;
  /** Signals that are not ours to end with. */
  readonly caught?: readonly string[];
}

/** Not SIGHUP: a listener would undo what nohup does. */
const EXIT_SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

function eventLimit(parsed: Parsed): number {
  const given = optionText(parsed, 'count');
  if (parsed.values.once !== true) {
    return given === undefined
      ? Infinity
      : parseInteger(given, '--count', 1, Number.MAX_SAFE_INTEGER);
  }
  if (given !== undefined) {
    throw new UsageError('--once and --count exclude each other');
  }
  return 1;
}

/** Stop after a signal; after a second one, exit at once. */
function stopOnSignals(
  caught: readonly string[],
  stop: AbortController,
): Disposable {
  const names = Object.keys(EXIT_SIGNALS) as (keyof typeof EXIT_SIGNALS)[];
  const own = names.filter((name) => !caught.includes(name));
  const end = (name: NodeJS.Signals): void => {
    const code = EXIT_SIGNALS[name as keyof typeof EXIT_SIGNALS];
    if (stop.signal.aborted) process.exit(code);
    stop.abort(new Stop(code));
  };
  for (const name of own) process.on(name, end);
  return {
    [Symbol.dispose]() {
      for (const name of own) process.removeListener(name, end);
    },
  };
}

/**
 * Print events, one after the other, until the source ends, the limit is reached
 * or time runs out.
 *
 * @returns The exit code.
 */
export async function follow(
  parsed: Parsed,
  source: Source,
  stop: AbortController,
  { what, ownsStdin = false, caught = [] }: Settings,
): Promise<number> {
  const limit = eventLimit(parsed);
  const timeoutText = optionText(parsed, 'timeout');
  const timeout =
    timeoutText === undefined
      ? undefined
      : parseDuration(timeoutText, '--timeout');
  const commandLine = optionText(parsed, 'exec');
  const command =
    commandLine === undefined ? undefined : splitWords(commandLine);

  const { signal } = stop;
  using _signals = stopOnSignals(caught, stop);
  using screen = createScreen(
    parsed.values.json === true,
    what,
    limit,
    timeout,
  );
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => stop.abort(new Stop(EXIT.timeout)), timeout);
  let code: number = EXIT.ok;
  let commandStatus: number = EXIT.ok;
  let eventCount = 0;
  try {
    for await (const event of source(signal)) {
      screen.show(event);
      if (code === EXIT.ok) code = event.code ?? EXIT.ok;
      if (command !== undefined) {
        const status = await execute(command, event, ownsStdin, signal);
        if (status !== 0 && !signal.aborted) {
          printNote(`${command[0]} ended with ${status}`);
          commandStatus = status;
        }
      }
      signal.throwIfAborted();
      if (++eventCount >= limit) break;
    }
    signal.throwIfAborted();
    return code === EXIT.ok ? commandStatus : code;
  } catch (error) {
    if (signal.aborted && error === signal.reason && error instanceof Stop) {
      return error.code;
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
