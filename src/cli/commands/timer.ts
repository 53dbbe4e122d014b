import { interval } from '../../index.js';
import { exactOperands, parseDuration } from '../arguments.js';
import type { Command } from '../command.js';
import { FOLLOW_OPTIONS, follow } from '../follow.js';
import type { OutputEvent } from '../output-event.js';

async function* ticks(
  period: number,
  signal: AbortSignal,
): AsyncGenerator<OutputEvent> {
  for await (const { count, missed } of interval(period, { signal })) {
    yield {
      fields: { event: 'tick', tick: count, missed },
      text: `tick  ${count}${missed > 0 ? `  ${missed} missed` : ''}`,
      mood: 'plain',
    };
  }
}

export const timer: Command = {
  name: 'timer',
  usage: 'PERIOD',
  summary: 'tick at a fixed period, without drift',
  help: `The kernel keeps the phase, so the timer does not drift. If kq was too slow, the
next line says how many ticks it missed.`,
  variables: 'KQ_EVENT (tick), KQ_TICK (periods since the start), KQ_MISSED',
  options: FOLLOW_OPTIONS,
  run: (parsed, stop) => {
    const period = parseDuration(
      exactOperands(parsed, 1, 'the period'),
      'the period',
    );
    return follow(parsed, (signal) => ticks(period, signal), stop, {
      what: 'ticking',
    });
  },
};
