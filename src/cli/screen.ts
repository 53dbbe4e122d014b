import { EXIT, Stop } from './failure.js';
import type { OutputEvent } from './output-event.js';

const COLOURS = { good: 32, bad: 31, plain: 36 } as const;
const SECOND = 1000;

const isTerminal = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && process.env.TERM !== 'dumb';

const hasColours = (): boolean =>
  isTerminal(process.stdout) && !process.env.NO_COLOR;

/** The error of a failed write, unless the other end was closed. */
let writeError: NodeJS.ErrnoException | undefined;

/** Stop when standard output can no longer be written. */
export function watchOutput(stop: (reason: Stop) => void): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return stop(new Stop(EXIT.ok));
    if (writeError !== undefined) return;
    writeError = error;
    printNote(`cannot write to standard output: ${error.message}`);
    stop(new Stop(EXIT.failure));
  });
  // Commands that do not stop early set their exit code later.
  process.on('exit', () => {
    if (writeError !== undefined) process.exitCode = EXIT.failure;
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
  /** Clear a terminal. */
  clear(): void;
  /** Show no status line while another program prints. */
  pause(): void;
  resume(): void;
}

interface ScreenOptions {
  /** The object of the wait. */
  readonly what: string;
  readonly json: boolean;
  /** The number of events to wait for, or Infinity. */
  readonly wanted: number;
  readonly timeout: number | undefined;
  readonly hasStatus: boolean;
}

export function createScreen({
  what,
  json,
  wanted,
  timeout,
  hasStatus,
}: ScreenOptions): Screen {
  const coloured = hasColours();
  const begin = performance.now();
  const hasLine = hasStatus && isTerminal(process.stderr);
  let isPaused = false;
  let seen = 0;

  const erase = (): void => {
    if (hasLine) process.stderr.write('\r\x1b[K');
  };
  const draw = (): void => {
    if (!hasLine || isPaused) return;
    const after = performance.now() - begin;
    const events = wanted === Infinity ? `${seen}` : `${seen} of ${wanted}`;
    const limit = timeout === undefined ? '' : ` of ${formatTime(timeout)}`;
    const width = Math.max(20, (process.stderr.columns || 80) - 1);
    const line = `${what}: ${events} so far, ${formatTime(after)}${limit}`;
    process.stderr.write(`\r\x1b[K${line.slice(0, width)}`);
  };
  const timer = hasLine ? setInterval(draw, SECOND) : undefined;
  timer?.unref();
  draw();

  return {
    show({ fields, text, mood }) {
      seen++;
      erase();
      if (json) {
        print(JSON.stringify(fields));
      } else if (coloured) {
        print(text.replace(/^\S+/, `\x1b[${COLOURS[mood]}m$&\x1b[0m`));
      } else {
        print(text);
      }
      draw();
    },
    clear() {
      if (isTerminal(process.stdout)) {
        process.stdout.write('\x1b[H\x1b[2J\x1b[3J');
      }
    },
    pause() {
      erase();
      isPaused = true;
    },
    resume() {
      isPaused = false;
      draw();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      erase();
    },
  };
}
