/**
 * The difference between the clock and the sum at which the sum is corrected.
 */
const MAX_DRIFT = 2;

let origin = performance.timeOrigin;

/** The time of day, as ISO 8601 with microseconds. */
export function eventTime(): string {
  const monotonic = performance.now();
  // The clock was set, or the machine slept.
  if (Math.abs(origin + monotonic - Date.now()) > MAX_DRIFT) {
    origin = Date.now() - monotonic;
  }
  const us = Math.round((origin + monotonic) * 1000);
  const seconds = new Date(Math.floor(us / 1e6) * 1000).toISOString();
  return seconds.replace(/\d{3}Z$/, `${String(us % 1e6).padStart(6, '0')}Z`);
}
