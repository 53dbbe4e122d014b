import { setTimeout } from '../host/index.js';

/** The interval between checks of the descriptors of waiting queues. */
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
 * Called at intervals while a queue waits. No kernel reports that the queue's
 * own descriptor was closed, so its waits would never end.
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
