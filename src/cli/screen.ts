import { EXIT, Stop } from './failure.js';
import type { OutputEvent } from './output-event.js';

const COLOURS = { good: 32, bad: 31, plain: 36 } as const;
const SECOND = 1000;

const isTerminal = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && process.env.TERM !== 'dumb';

const hasColours = (): boolean =>
  isTerminal(process.stdout) && !process.env.NO_COLOR;

/** Call when standard output is closed. */
export function onBrokenPipe(stop: (reason: Stop) => void): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.exitCode = EXIT.failure;
    stop(new Stop(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure));
  });
  // There is nowhere to report it.
  process.stderr.on('error', () => {});
}

/** Print a line. */
export function print(line: string): void {
  if (!process.stdout.destroyed) process.stdout.write(`${line}\n`);
}

/** Print a line to standard error. */
export function printNote(line: string): void {
  process.stderr.write(`kq: ${line}\n`);
}

const formatTime = (ms: number): string => {
  const seconds = Math.floor(ms / SECOND);
  const rest = String(seconds % 60).padStart(2, '0');
  return `${Math.floor(seconds / 60)}:${rest}`;
};

/** Prints events, and on a terminal a status line. */
export interface Screen extends Disposable {
  show(event: OutputEvent): void;
}

/**
 * @param what What is waited for.
 * @param wanted How many events to wait for; Infinity for any number.
 */
export function createScreen(
  json: boolean,
  what: string,
  wanted: number,
  timeout: number | undefined,
): Screen {
  const coloured = hasColours();
  const begin = performance.now();
  const hasStatus = isTerminal(process.stderr);
  let seen = 0;

  const clear = (): void => {
    if (hasStatus) process.stderr.write('\r\x1b[K');
  };
  const draw = (): void => {
    const after = performance.now() - begin;
    const events = wanted === Infinity ? `${seen}` : `${seen} of ${wanted}`;
    const limit = timeout === undefined ? '' : ` of ${formatTime(timeout)}`;
    const width = Math.max(20, (process.stderr.columns || 80) - 1);
    const line = `${what}: ${events} so far, ${formatTime(after)}${limit}`;
    process.stderr.write(`\r\x1b[K${line.slice(0, width)}`);
  };
  const timer = hasStatus ? setInterval(draw, SECOND) : undefined;
  timer?.unref();
  if (hasStatus) draw();

  return {
    show({ fields, text, mood }) {
      seen++;
      clear();
      if (json) {
        print(JSON.stringify(fields));
      } else if (coloured) {
        print(text.replace(/^\S+/, `\x1b[${COLOURS[mood]}m$&\x1b[0m`));
      } else {
        print(text);
      }
      if (hasStatus) draw();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      clear();
    },
  };
}
