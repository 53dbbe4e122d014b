import { close, currentKernel, kevent, owned } from '../calls/index.js';
import { KqueueError } from '../errors.js';
import type { Watch } from '../ffi/index.js';

/** What has to be let go of when a queue is closed, or forgotten. */
export interface Resources {
  readonly fd: number;
  watch: Watch | undefined;
  /** The descriptor is not, or no longer, ours to use. */
  closed: boolean;
}

/** Whose a descriptor is: the event loop can watch it only once. */
export const owners = new Map<number, Resources>();

/** Let go of all, once. */
export function release(resources: Resources): void {
  if (resources.closed) return;
  resources.closed = true;
  owners.delete(resources.fd);
  owned.delete(resources.fd);
  // The handle first: a descriptor closed under it ends the process.
  resources.watch?.close();
  try {
    // If it was closed behind our back the number may be somebody else's by
    // now: a kernel that knows its queues can say so.
    if (currentKernel().whyNoQueue) kevent(resources.fd, null, null, 0);
  } catch (error) {
    if (isBadFd(error)) return;
  }
  try {
    close(resources.fd);
  } catch (error) {
    if (!isBadFd(error)) throw error;
  }
}

const isBadFd = (error: unknown): boolean =>
  error instanceof KqueueError && error.code === 'EBADF';

let warned = false;

/** Queues that nobody has any more are closed, with a warning. */
export const forgotten = new FinalizationRegistry((resources: Resources) => {
  if (resources.closed) return;
  release(resources);
  if (warned) return;
  warned = true;
  process.emitWarning(
    `A Kqueue (fd ${resources.fd}) was forgotten without close(): use \`using\`, or close it`,
    { code: 'KQUEUE_FORGOTTEN' },
  );
});
