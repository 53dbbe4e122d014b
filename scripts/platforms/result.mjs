// Reads what scripts/runtime-core.mjs or guest/refusal.mjs printed.

/**
 * The row of the table that a script's last line makes.
 *
 * @param {string} out all that the script wrote
 * @param {string} kind what its checks are called in the table
 */
export function resultOf(out, kind) {
  const line = out
    .split(/\r?\n/)
    .filter((text) => text.startsWith('{"driver"'))
    .at(-1);
  if (line === undefined) {
    const tail = out.trim().split(/\r?\n/).slice(-8).join('\n');
    return {
      ok: false,
      checks: 'its script did not end',
      reasons: [tail],
    };
  }
  const { results, runtime, release, libc } = JSON.parse(line);
  const passed = results.filter(({ ok }) => ok).length;
  const failures = results.filter(({ ok, lacks }) => !ok && !lacks);
  return {
    ok: failures.length === 0,
    checks: `${kind} ${passed} of ${results.length}`,
    reasons: failures.map(({ name, reason }) => `${name}: ${reason}`),
    runtime,
    libc,
    kernel: release,
  };
}
