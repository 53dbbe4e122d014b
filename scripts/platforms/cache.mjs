// Downloads, kept outside the checkout: KQUEUE_FFI_PLATFORMS, by default a
// folder among those for temporary files.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const cache =
  process.env.KQUEUE_FFI_PLATFORMS ?? join(tmpdir(), 'kqueue-ffi-platforms');

/** A fresh, empty folder in the cache. */
export function freshFolder(name) {
  const folder = join(cache, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * A folder that is filled once. It gets its name only when it is complete: a
 * download that was interrupted is begun again.
 */
export async function filledOnce(name, fill) {
  const folder = join(cache, name);
  if (!existsSync(folder)) {
    const partial = freshFolder(`${name}.partial`);
    await fill(partial);
    renameSync(partial, folder);
  }
  return folder;
}

/** The folder of the output of a platform's last run. */
export function logOf(name) {
  const folder = join(cache, 'logs');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.log`);
}
