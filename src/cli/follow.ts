import {
  optionText,
  type Parsed,
  parseDuration,
  parseInteger,
  parsePause,
} from './arguments.js';
import { debounce } from './debounce.js';
import { eventTime } from './event-time.js';
import type { ExecSettings } from './exec.js';
import { EXIT, Stop, UsageError } from './failure.js';
import type { Options } from './option.js';
import type { OutputEvent } from './output-event.js';
import { createRestarter, createRunner, type Runner } from './runner.js';
import { createScreen } from './screen.js';
import {
  SESSION_SIGNALS,
  STOP_SIGNALS,
  stopOnSignals,
} from './stop-signals.js';
import { splitWords } from './words.js';

/** Options of all commands that wait for events. */
export const FOLLOW_OPTIONS: Options = {
  json: {
    type: 'boolean',
    help: 'print one JSON object per line, with the time to the microsecond',
  },
  count: {
    type: 'string',
    short: 'n',
    value: 'N',
    help: 'exit after N events',
  },
  once: { type: 'boolean', help: 'exit after the first event' },
  timeout: {
    type: 'string',
    short: 't',
    value: 'DUR',
    help: 'exit with code 124 after DUR, at most 24d',
  },
  exec: {
    type: 'string',
    short: 'e',
    value: 'CMD',
    help: `run CMD for each event, one at a time and in order. CMD is split at spaces; '…' and "…" quote; no shell interprets it. Its environment describes the event`,
    completes: 'command',
  },
};

/** Options for running the command of `--exec` again. */
export const RERUN_OPTIONS: Options = {
  restart: {
    type: 'boolean',
    help: 'do not wait for CMD: after each event, end CMD and the processes that it started, then start it again',
  },
  grace: {
    type: 'string',
    value: 'DUR',
    help: 'with --restart: the time between SIGTERM and SIGKILL, by default 5s; a number without a unit is milliseconds',
  },
  initial: { type: 'boolean', help: 'also run CMD at the start' },
  clear: {
    type: 'boolean',
    help: 'clear the screen before CMD runs, if standard output is a terminal',
  },
  debounce: {
    type: 'string',
    value: 'DUR',
    help: 'run CMD once after there was no event for DUR, at the latest after ten times DUR; a number without a unit is milliseconds',
  },
};

const DEFAULT_GRACE = 5000;

/** The source of events. The signal ends it. */
export type Source = (
  signal: AbortSignal,
) => AsyncIterable<OutputEvent> | Promise<AsyncIterable<OutputEvent>>;

interface Settings {
  /** The object of the wait, in a few words. */
  readonly what: string;
  /** Whether the source reads standard input, so that no command may. */
  readonly ownsStdin?: boolean;
  /** A descriptor for the command to inherit. */
  readonly fd?: number;
  /** Signals that must not end kq, because it waits for them. */
  readonly caught?: readonly string[];
}

/** The settings that the options choose. */
interface Plan {
  readonly limit: number;
  readonly timeout: number | undefined;
  readonly words: readonly string[] | undefined;
  readonly grace: number;
  readonly pause: number;
  readonly isRestarting: boolean;
  readonly isInitial: boolean;
  readonly isClearing: boolean;
}

function eventLimit(parsed: Parsed): number {
  const given = optionText(parsed, 'count');
  if (parsed.values.once !== true) {
    return given === undefined
      ? Infinity
      : parseInteger(given, '--count', 1, Number.MAX_SAFE_INTEGER);
  }
  if (given !== undefined) {
    throw new UsageError('--once and --count cannot be combined');
  }
  return 1;
}

function planOf(parsed: Parsed): Plan {
  const { values } = parsed;
  const exec = optionText(parsed, 'exec');
  const lacking = Object.keys(RERUN_OPTIONS).find(
    (name) => exec === undefined && values[name] !== undefined,
  );
  if (lacking !== undefined) {
    throw new UsageError(`--${lacking} needs --exec`);
  }
  if (values.grace !== undefined && values.restart !== true) {
    throw new UsageError('--grace needs --restart');
  }
  const timeout = optionText(parsed, 'timeout');
  const grace = optionText(parsed, 'grace');
  const pause = optionText(parsed, 'debounce');
  return {
    limit: eventLimit(parsed),
    timeout:
      timeout === undefined ? undefined : parseDuration(timeout, '--timeout'),
    words: exec === undefined ? undefined : splitWords(exec),
    grace: grace === undefined ? DEFAULT_GRACE : parsePause(grace, '--grace'),
    pause: pause === undefined ? 0 : parsePause(pause, '--debounce'),
    isRestarting: values.restart === true,
    isInitial: values.initial === true,
    isClearing: values.clear === true,
  };
}

const makeRunner = (plan: Plan, settings: ExecSettings): Runner =>
  plan.isRestarting
    ? createRestarter(settings, plan.grace)
    : createRunner(settings);

const withTime = (event: OutputEvent): OutputEvent => ({
  ...event,
  fields: { ...event.fields, time: eventTime() },
});

const INITIAL: OutputEvent = {
  fields: { event: 'initial' },
  text: 'initial',
  mood: 'plain',
};

/**
 * Print events one by one, until the source ends, the limit is reached or the
 * time runs out.
 *
 * @returns The exit code.
 * @throws {Stop} If it has to stop early.
 */
export async function follow(
  parsed: Parsed,
  source: Source,
  stop: AbortController,
  { what, ownsStdin = false, fd, caught = [] }: Settings,
): Promise<number> {
  const plan = planOf(parsed);
  const { signal } = stop;
  const runner =
    plan.words && makeRunner(plan, { words: plan.words, ownsStdin, fd });
  const ending = plan.isRestarting
    ? [...STOP_SIGNALS, ...SESSION_SIGNALS]
    : STOP_SIGNALS;
  using _signals = stopOnSignals(
    ending.filter((name) => !caught.includes(name)),
    stop,
    () => runner?.kill(),
  );
  using screen = createScreen({
    what,
    json: parsed.values.json === true,
    wanted: plan.limit,
    timeout: plan.timeout,
    // The status line would overwrite the output of the command.
    hasStatus: !plan.isRestarting,
  });
  const timer =
    plan.timeout === undefined
      ? undefined
      : setTimeout(() => stop.abort(new Stop(EXIT.timeout)), plan.timeout);
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
      void runner?.stop();
    });
  });
  const run = async (event: OutputEvent): Promise<void> => {
    if (runner === undefined) return;
    screen.pause();
    await runner.run(event);
    screen.resume();
  };

  let code: number = EXIT.ok;
  try {
    const events = await source(signal);
    if (plan.isInitial) {
      if (plan.isClearing) screen.clear();
      await run(withTime(INITIAL));
    }
    const timed = mapValues(events, withTime);
    let count = 0;
    const bursts = debounce(timed, plan.pause, (event, isFirst) => {
      if (plan.isClearing && isFirst) screen.clear();
      screen.show(event);
      if (event.code !== undefined) code = event.code;
    });
    for await (const event of bursts) {
      await run(event);
      signal.throwIfAborted();
      if (++count >= plan.limit) break;
    }
    signal.throwIfAborted();
    if (runner !== undefined) await Promise.race([runner.settle(), stopped]);
    signal.throwIfAborted();
    return code === EXIT.ok ? (runner?.status ?? EXIT.ok) : code;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
    await runner?.stop();
    // A pending pull would keep the process alive.
    if (!signal.aborted) stop.abort();
  }
}

async function* mapValues<T, U>(
  values: AsyncIterable<T>,
  toValue: (value: T) => U,
): AsyncGenerator<U> {
  for await (const value of values) yield toValue(value);
}
