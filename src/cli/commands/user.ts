import { createInterface } from 'node:readline';
import { Kqueue } from '../../index.js';
import { parseInteger } from '../arguments.js';
import type { Command } from '../command.js';
import { EXIT, UsageError } from '../failure.js';
import { FOLLOW_OPTIONS, follow, type Source } from '../follow.js';
import type { OutputEvent } from '../output-event.js';
import { printNote } from '../screen.js';

const MAX_FFLAGS = 0xffffff;

async function* events(
  id: number,
  onBadLine: () => void,
  signal: AbortSignal,
): AsyncGenerator<OutputEvent> {
  using kq = new Kqueue();
  kq.add({ filter: 'user', id });
  const lines = createInterface({ input: process.stdin });
  let pending = false;
  let ended = false;
  lines.on('line', (line) => {
    const text = line.trim();
    const fflags = text === '' ? undefined : Number(text);
    if (fflags !== undefined && !(/^\d+$/.test(text) && fflags <= MAX_FFLAGS)) {
      onBadLine();
      printNote(`a line must be empty or a number from 0 to ${MAX_FFLAGS}`);
      return;
    }
    if (kq.closed) return;
    pending = true;
    kq.trigger(id, fflags);
  });
  lines.on('close', () => {
    ended = true;
    if (!pending) kq.close();
  });
  try {
    for (;;) {
      const event = await kq.next({ signal });
      if (event?.filter !== 'user') return;
      pending = false;
      const { fflags } = event;
      yield {
        fields: { event: 'user', id, fflags },
        text: `user  ${id}  fflags ${fflags}`,
        mood: 'plain',
      };
      if (ended && !pending) return;
    }
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}

export const user: Command = {
  name: 'user',
  usage: '[ID]',
  summary: 'trigger a user event with each line of standard input',
  help: `This command demonstrates EVFILT_USER. Each line triggers the event ID, by
default 1. A number (0 to 16777215) sets its fflags; an empty line leaves them
unchanged. kq reports any other line as an error, continues, and exits with 1.
It exits at the end of the input.

Several triggers before the event is collected are one event, with the fflags of
the last.`,
  variables: 'KQ_EVENT (user), KQ_ID, KQ_FFLAGS',
  options: FOLLOW_OPTIONS,
  run: async (parsed, stop) => {
    const [given = '1', ...others] = parsed.operands;
    if (others.length > 0)
      throw new UsageError(`unexpected argument '${others[0]}'`);
    const id = parseInteger(given, 'an id', 0, Number.MAX_SAFE_INTEGER);
    let hasBadLine = false;
    const onBadLine = (): void => {
      hasBadLine = true;
    };
    const source: Source = (signal) => events(id, onBadLine, signal);
    const code = await follow(parsed, source, stop, {
      what: `waiting for lines, to trigger user event ${id}`,
      ownsStdin: true,
    });
    return code === EXIT.ok && hasBadLine ? EXIT.failure : code;
  },
};
