// Reads the output of the scripts on a platform: each ends with a line of JSON
// that begins with its kind.

/**
 * The row of the table that a script's last line makes.
 *
 * @param {string} out all that the script wrote
 * @param {'core' | 'refusal' | 'conformance'} kind
 */
export function resultOf(out, kind) {
  const line = out
    .split(/\r?\n/)
    .filter((text) => text.startsWith(`{"kind":"${kind}"`))
    .at(-1);
  if (line === undefined) {
    const tail = out.trim().split(/\r?\n/).slice(-8).join('\n');
    return { ok: false, checks: `${kind} did not end`, reasons: [tail] };
  }
  const { results, skipped = 0, runtime, release, libc } = JSON.parse(line);
  const passed = results.filter(({ ok }) => ok).length;
  const failures = results.filter(({ ok, lacks }) => !ok && !lacks);
  const gated = skipped > 0 ? ` (${skipped} gated)` : '';
  return {
    ok: failures.length === 0 && results.length > 0,
    checks: `${kind} ${passed} of ${results.length}${gated}`,
    reasons: failures.map(({ name, reason }) => `${name}: ${reason}`),
    runtime,
    libc,
    kernel: release,
  };
}

/** One row of what two scripts said of the same platform. */
export const together = (first, second) => ({
  ...first,
  ok: first.ok && second.ok,
  checks: `${first.checks}, ${second.checks}`,
  reasons: [...first.reasons, ...second.reasons],
});
