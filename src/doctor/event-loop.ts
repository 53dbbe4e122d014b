import { Kqueue } from '../queue/index.js';
import { isPollable } from '../queue/parts.js';
import { errorMessage, type Finding } from './finding.js';

/** The longest time for an event of 20 ms on a busy machine. */
const LOOP_MS = 5000;

/** Check that poll(2) reports a queue with events as readable. */
export function examinePollable(): Finding {
  const name = 'pollable';
  return isPollable()
    ? {
        name,
        ok: true,
        says: 'The descriptor of a queue is readable while events are pending, so event loops and other queues can watch it.',
      }
    : {
        name,
        ok: null,
        says: 'The descriptor of a queue does not show whether events are pending, so nothing can watch it. The typed queue polls instead, which delays each event by up to 8 ms.',
      };
}

/** Check that an event wakes the event loop. */
export async function examineLoop(): Promise<Finding> {
  const name = 'loop';
  try {
    using kq = new Kqueue();
    kq.add({ filter: 'timer', id: 1, after: 20 });
    const event = await kq.next({ timeout: LOOP_MS });
    const how =
      kq.driver === 'poll'
        ? 'a handle of the event loop watches the queue'
        : 'the queue is looked at every 1 to 8 ms';
    return event === undefined
      ? {
          name,
          ok: false,
          says: `A timer of 20 ms did not wake the event loop in ${LOOP_MS / 1000} s, although ${how}. The blocking calls, Kqueue.wait and kevent, may still work.`,
        }
      : {
          name,
          ok: true,
          says: `An event woke the event loop: ${how} (driver '${kq.driver}').`,
        };
  } catch (error) {
    return { name, ok: false, says: errorMessage(error) };
  }
}
