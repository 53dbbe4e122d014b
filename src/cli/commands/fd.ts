import { Kqueue, KqueueError } from '../../index.js';
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

async function* readiness(
  fd: number,
  filter: 'read' | 'write',
  signal: AbortSignal,
): AsyncGenerator<OutputEvent> {
  using kq = new Kqueue();
  register(kq, filter, fd);
  for (;;) {
    const event = await kq.next({ signal });
    if (event?.filter !== 'read' && event?.filter !== 'write') return;
    const isRead = event.filter === 'read';
    const amount = isRead
      ? { available: event.available }
      : { space: event.space };
    const [bytes] = Object.values(amount);
    const { eof, error } = event;
    const what = isRead ? 'readable' : 'writable';
    yield {
      // `bytes` is the name of either before 0.1.0.
      fields: { event: what, fd, ...amount, bytes, eof, error },
      text: `${what}  ${fd}  ${formatCount(bytes, 'byte')}${eof ? '  end' : ''}${error ? `  ${error}` : ''}`,
      mood: error === undefined ? 'plain' : 'bad',
    };
    if (eof) return;
  }
}

export const fd: Command = {
  name: 'fd',
  usage: 'NUMBER',
  summary: 'tell when a descriptor is readable, or writable',
  help: `The descriptor is one that kq was started with: 0 is its standard input, and
  kq fd 3 3<pipe
hands it another. It is told each time something arrives, with how many bytes
can be read; nothing is read, but a command of --exec may do so. It is over
when the other side has closed.

CMD of --exec gets the descriptor too, at the same number.`,
  variables:
    'KQ_EVENT (readable or writable), KQ_FD, KQ_AVAILABLE (with --write: KQ_SPACE), KQ_EOF (true or false), KQ_ERROR. KQ_BYTES is the deprecated name of KQ_AVAILABLE and KQ_SPACE',
  options: {
    write: {
      type: 'boolean',
      help: 'tell when there is space to write instead',
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
