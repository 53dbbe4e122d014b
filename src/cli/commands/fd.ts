import { fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type EventIterator,
  Kqueue,
  KqueueError,
  type ReadReady,
  readable,
  type WriteReady,
  writable,
} from '../../index.js';
import { exactOperands, parseInteger } from '../arguments.js';
import type { Command } from '../command.js';
import { Failure } from '../failure.js';
import { FOLLOW_OPTIONS, follow } from '../follow.js';
import { formatCount, type OutputEvent } from '../output-event.js';

const MAX_FD = 0x7fffffff;

const WHY: Readonly<Record<string, string>> = {
  EBADF: 'it is not open',
  EINVAL: 'it is nothing that can be waited for',
  EPERM: 'it is nothing that can be waited for',
};

function register(kq: Kqueue, filter: 'read' | 'write', fd: number): void {
  try {
    kq.add({ filter, fd, clear: true });
  } catch (error) {
    if (!(error instanceof KqueueError)) throw error;
    const why = WHY[error.code];
    throw new Failure(
      `cannot watch descriptor ${fd}: ${error.code}${why === undefined ? '' : `, ${why}`}`,
    );
  }
}

type Filter = 'read' | 'write';

/** The readiness of a descriptor. */
interface Readiness {
  readonly amount: number;
  readonly eof: boolean;
  readonly error: string | undefined;
}

function toOutputEvent(
  fd: number,
  filter: Filter,
  { amount, eof, error }: Readiness,
): OutputEvent {
  const [what, unit] =
    filter === 'read' ? ['readable', 'available'] : ['writable', 'space'];
  return {
    // Before 0.1.0 both were called `bytes`.
    fields: { event: what, fd, [unit]: amount, bytes: amount, eof, error },
    text: `${what}  ${fd}  ${formatCount(amount, 'byte')}${eof ? '  end' : ''}${error ? `  ${error}` : ''}`,
    mood: error === undefined ? 'plain' : 'bad',
  };
}

/** The interval between polls of a FIFO for its EOF, in ms. */
const FIFO_PAUSE = 100;

/**
 * Wait for the EOF of a FIFO. kqueue reports none for a named FIFO on Darwin
 * and Linux.
 */
async function waitForEnd(
  fd: number,
  filter: Filter,
  signal: AbortSignal,
): Promise<Readiness> {
  const events: EventIterator<ReadReady | WriteReady> =
    filter === 'read' ? readable(fd, { signal }) : writable(fd, { signal });
  for (;;) {
    const { value } = await events.next();
    const amount = value && ('space' in value ? value.space : value.available);
    if (value === undefined || value.eof) {
      return { amount: amount ?? 0, eof: true, error: value?.error };
    }
    await sleep(FIFO_PAUSE, undefined, { signal });
  }
}

async function* readiness(
  fd: number,
  filter: Filter,
  signal: AbortSignal,
): AsyncGenerator<OutputEvent> {
  using kq = new Kqueue();
  register(kq, filter, fd);
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort);
  let end: Readiness | undefined;
  if (fstatSync(fd).isFIFO()) {
    waitForEnd(fd, filter, stop.signal).then(
      (found) => {
        end = found;
        stop.abort();
      },
      () => {},
    );
  }
  try {
    for (;;) {
      const event = await kq.next({ signal: stop.signal });
      if (event?.filter !== 'read' && event?.filter !== 'write') return;
      const { eof, error } = event;
      const amount = event.filter === 'read' ? event.available : event.space;
      yield toOutputEvent(fd, filter, { amount, eof, error });
      if (eof) return;
    }
  } catch (error) {
    if (end === undefined || signal.aborted) throw error;
    yield toOutputEvent(fd, filter, end);
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop.abort();
  }
}

export const fd: Command = {
  name: 'fd',
  usage: 'NUMBER',
  summary: 'print when a descriptor is readable or writable',
  help: `kq inherits the descriptor: 0 is its standard input, and this passes another:

  kq fd 3 3<pipe

kq prints a line whenever data arrives, with the number of bytes that can be
read. It reads nothing, but CMD of --exec may: it inherits the descriptor at the
same number. kq exits when the other side closes.`,
  variables:
    'KQ_EVENT (readable or writable), KQ_FD, KQ_AVAILABLE (with --write: KQ_SPACE), KQ_BYTES (a deprecated name of both), KQ_EOF (true or false), KQ_ERROR',
  options: {
    write: {
      type: 'boolean',
      help: 'report space to write instead',
    },
    ...FOLLOW_OPTIONS,
  },
  run: (parsed, stop) => {
    const given = exactOperands(parsed, 1, 'the number of a descriptor');
    const number = parseInteger(given, 'a descriptor', 0, MAX_FD);
    const filter = parsed.values.write === true ? 'write' : 'read';
    return follow(parsed, (signal) => readiness(number, filter, signal), stop, {
      what: `waiting for descriptor ${number}`,
      fd: number,
    });
  },
};
