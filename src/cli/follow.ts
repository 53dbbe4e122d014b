import {
  duration,
  integer,
  type Option,
  type Parsed,
  text,
} from './arguments.js';
import { execute } from './exec.js';
import { EXIT, Stop, UsageError } from './failure.js';
import type { Happening } from './happening.js';
import { note, screenOf } from './screen.js';
import { wordsOf } from './words.js';

/** Options of all commands that wait for something to happen. */
export const FOLLOW: Readonly<Record<string, Option>> = {
  json: { type: 'boolean' },
  once: { type: 'boolean' },
  count: { type: 'string', short: 'n' },
  timeout: { type: 'string', short: 't' },
  exec: { type: 'string', short: 'e' },
};

/** Where happenings come from. The signal tells it to end. */
export type Source = (signal: AbortSignal) => AsyncIterable<Happening>;

interface Settings {
  /** What is waited for, in a few words. */
  readonly what: string;
  /** Whether the source reads standard input, so that no command may. */
  readonly ownsStdin?: boolean;
  /** Signals that are not ours to end with. */
  readonly caught?: readonly string[];
}

/** Not SIGHUP, which nohup has made harmless: to listen would undo that. */
const ENDING = { SIGINT: 130, SIGTERM: 143 } as const;

function wantedOf(parsed: Parsed): number {
  const given = text(parsed, 'count');
  if (parsed.values.once !== true) {
    return given === undefined
      ? Infinity
      : integer(given, '--count', 1, Number.MAX_SAFE_INTEGER);
  }
  if (given !== undefined) {
    throw new UsageError('--once and --count exclude each other');
  }
  return 1;
}

/** End early when a signal comes; when a second one comes, at once. */
function endOn(caught: readonly string[], stop: AbortController): Disposable {
  const names = Object.keys(ENDING) as (keyof typeof ENDING)[];
  const own = names.filter((name) => !caught.includes(name));
  const end = (name: NodeJS.Signals): void => {
    const code = ENDING[name as keyof typeof ENDING];
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
 * Tell of what happens, one thing after the other, until it is over, enough,
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
  const wanted = wantedOf(parsed);
  const limit = text(parsed, 'timeout');
  const timeout =
    limit === undefined ? undefined : duration(limit, '--timeout');
  const given = text(parsed, 'exec');
  const command = given === undefined ? undefined : wordsOf(given);

  const { signal } = stop;
  using _signals = endOn(caught, stop);
  using screen = screenOf(parsed.values.json === true, what, wanted, timeout);
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => stop.abort(new Stop(EXIT.timeout)), timeout);
  let code: number = EXIT.ok;
  let failed: number = EXIT.ok;
  let seen = 0;
  try {
    for await (const happening of source(signal)) {
      screen.show(happening);
      if (code === EXIT.ok) code = happening.code ?? EXIT.ok;
      if (command !== undefined) {
        const status = await execute(command, happening, ownsStdin, signal);
        if (status !== 0 && !signal.aborted) {
          note(`${command[0]} ended with ${status}`);
          failed = status;
        }
      }
      signal.throwIfAborted();
      if (++seen >= wanted) break;
    }
    signal.throwIfAborted();
    return code === EXIT.ok ? failed : code;
  } catch (error) {
    if (signal.aborted && error === signal.reason && error instanceof Stop) {
      return error.code;
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
