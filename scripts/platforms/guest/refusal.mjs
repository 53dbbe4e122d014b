// Run on a CPU that this package does not know: it has to import there, and to
// say so, in these words, at the first call. A line for each, then one of JSON.
import assert from 'node:assert/strict';
import process from 'node:process';
import * as api from '../../../dist/index.js';

const WORDS =
  `kqueue is not available here: Linux on ${process.arch} is not known to ` +
  'this library; it is on x64, arm64, riscv64, loong64';

const isRefused = (call) =>
  assert.throws(call, {
    name: 'KqueueError',
    code: 'ERR_KQUEUE_UNSUPPORTED',
    message: WORDS,
  });

const cases = {
  kqueue: () => isRefused(() => api.kqueue()),
  kevent: () => isRefused(() => api.kevent(3, null, null)),
  close: () => isRefused(() => api.close(3)),
  'new Kqueue': () => isRefused(() => new api.Kqueue()),
  interval: () => isRefused(() => api.interval(10)),
  'kernel.supported': () => assert.equal(api.kernel.supported, false),
  'the doctor': async () => {
    const { ok, findings } = await api.doctor();
    assert.equal(ok, false);
    const library = findings.find((finding) => finding.name === 'library');
    assert.equal(library.says, WORDS);
  },
};

const results = [];
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    results.push({ name, ok: true });
  } catch (error) {
    const reason = String(error?.message ?? error).split('\n')[0];
    results.push({ name, ok: false, reason });
  }
}
for (const { name, ok, reason } of results) {
  console.log(ok ? `ok     ${name}` : `FAILED ${name}: ${reason}`);
}
const { runtime, release, libc } = await api.doctor();
console.log(
  JSON.stringify({ kind: 'refusal', release, runtime, libc, results }),
);
process.exit(results.every(({ ok }) => ok) ? 0 : 1);
