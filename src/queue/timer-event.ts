import type { RawEvent, TimerEvent } from './event.js';

/**
 * A decoded timer event. The deprecated name is a getter of the prototype: it
 * takes no memory per event, and console.log and JSON do not show it.
 */
export class DecodedTimer implements TimerEvent {
  declare readonly filter: 'timer';
  declare readonly id: number | bigint;
  declare readonly count: number;
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  static {
    // console.log then shows it as a plain object, like all other events.
    Object.defineProperty(DecodedTimer.prototype, 'constructor', {
      value: Object,
    });
  }

  constructor(
    id: number | bigint,
    count: number,
    udata: unknown,
    raw: RawEvent,
  ) {
    this.filter = 'timer';
    this.id = id;
    this.count = count;
    this.udata = udata;
    this.raw = raw;
  }

  get expirations(): number {
    return this.count;
  }
}
