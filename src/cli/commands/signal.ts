import { constants } from 'node:os';
import { type SignalName, signals } from '../../index.js';
import { manyOperands } from '../arguments.js';
import type { Command } from '../command.js';
import { UsageError } from '../failure.js';
import { FOLLOW_OPTIONS, follow } from '../follow.js';
import { formatCount, type OutputEvent } from '../output-event.js';
import { suggest } from '../suggestion.js';

/** Parse a signal: a name, with or without SIG, or a number. */
function nameOf(given: string): SignalName {
  const upper = given.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const found = Object.entries(constants.signals).find(
    ([known, number]) => known === name || String(number) === given,
  );
  if (found === undefined) {
    const near = suggest(given, Object.keys(constants.signals), 'SIG');
    throw new UsageError(`no signal '${given}'${near}`);
  }
  const [known] = found;
  if (known === 'SIGKILL' || known === 'SIGSTOP') {
    throw new UsageError(`${known} cannot be caught`);
  }
  return known as SignalName;
}

async function* deliveries(
  names: readonly SignalName[],
  signal: AbortSignal,
): AsyncGenerator<OutputEvent> {
  for await (const event of signals(...names, { signal })) {
    const times =
      event.count === 1 ? '' : `  ${formatCount(event.count, 'time')}`;
    yield {
      fields: { event: 'signal', signal: event.signal, count: event.count },
      text: `signal  ${event.signal}${times}`,
      mood: 'plain',
    };
  }
}

export const signal: Command = {
  name: 'signal',
  usage: 'SIGNAL…',
  summary: 'print signals that are sent to kq',
  help: `A signal is a name, with or without SIG, or a number. The signals do not end kq:
kq signal INT continues after Ctrl-C. On a terminal kq prints its process id.`,
  variables: 'KQ_EVENT (signal), KQ_SIGNAL, KQ_COUNT (since the last event)',
  operands: 'signal',
  options: FOLLOW_OPTIONS,
  run: (parsed, stop) => {
    const names = manyOperands(parsed, 'a signal').map(nameOf);
    return follow(parsed, (ending) => deliveries(names, ending), stop, {
      what: `process ${process.pid} is waiting for ${names.join(' or ')}`,
      caught: names,
    });
  },
};
