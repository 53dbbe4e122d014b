// Users that a test takes.

/** Whether this process can take another user, and be root again. */
function tryUser(): boolean {
  if (process.geteuid?.() !== 0) return false;
  try {
    process.seteuid?.(0);
    return true;
  } catch {
    // Node.js 20 of Debian refuses it, as io_uring may be enabled.
    return false;
  }
}

export const canTakeUser = tryUser();
