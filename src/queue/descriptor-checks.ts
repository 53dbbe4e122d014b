import { setTimeout } from '../host/index.js';

/** How often the descriptors of waiting queues are checked. */
const PERIOD_MS = 500;

const checks = new Set<() => void>();
let isScheduled = false;

function schedule(): void {
  isScheduled = true;
  setTimeout(checkAll, PERIOD_MS).unref();
}

function checkAll(): void {
  isScheduled = false;
  for (const check of [...checks]) check();
  if (checks.size > 0) schedule();
}

/**
 * Called from time to time while a queue waits. No kernel reports that
 * a queue's own descriptor was closed, so its waits would never end.
 */
export const descriptorChecks = {
  add(check: () => void): void {
    checks.add(check);
    if (!isScheduled) schedule();
  },
  delete(check: () => void): void {
    checks.delete(check);
  },
};
