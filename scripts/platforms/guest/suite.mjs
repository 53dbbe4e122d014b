// Runs the bundled files of the conformance suite in one process, with Node's
// own runner in the place of Jest's, which is too slow for an emulator. A line
// for each test that failed, then one of JSON.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import * as runner from 'node:test';
import { format, stripVTControlCharacters } from 'node:util';
import { expect } from 'expect';
import { gateOf } from './gates.mjs';

/** Milliseconds for a test. */
const LIMIT = 120_000;

const folder = join(process.cwd(), '__tests__/conformance');
const require = createRequire(join(folder, 'any.js'));
const print = (text) => process.stdout.write(`${text}\n`);
const results = [];
let skipped = 0;
let file = '';

function note(name, error) {
  const ok = error === undefined;
  const reason = stripVTControlCharacters(String(error)).slice(0, 1500);
  results.push({ name, ok, reason: ok ? undefined : reason });
  if (!ok) print(`FAILED ${name}\n${reason}`);
}

/** A test whose outcome is noted. */
function test(title, body) {
  const name = `${file}: ${title}`;
  const reason = gateOf(title);
  if (reason !== undefined) {
    skipped += 1;
    print(`gated  ${name}: ${reason}`);
    return;
  }
  runner.test(title, { timeout: LIMIT }, async () => {
    let error;
    try {
      await body();
    } catch (thrown) {
      error = thrown;
    }
    note(name, error);
  });
}
test.skip = () => {
  skipped += 1;
};
test.each = (rows) => (title, body) => {
  for (const row of rows) {
    const values = Array.isArray(row) ? row : [row];
    const used = title.match(/%[a-z]/g)?.length ?? 0;
    test(format(title, ...values.slice(0, used)), () => body(...values));
  }
};

Object.assign(globalThis, {
  test,
  expect,
  describe: runner.describe,
  beforeAll: runner.before,
  beforeEach: runner.beforeEach,
  afterEach: runner.afterEach,
  afterAll: runner.after,
});
// The output of the tests is for manual runs.
console.log = () => {};

for (const name of readdirSync(folder)) {
  if (!name.endsWith('.test.cjs')) continue;
  const testPath = join(folder, name);
  runner.describe(name, () => {
    file = name.replace('.test.cjs', '');
    expect.setState({ testPath });
    try {
      require(testPath);
    } catch (error) {
      note('the file loads', error);
    }
  });
}

process.on('exit', () => {
  print(JSON.stringify({ kind: 'conformance', results, skipped }));
  process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
});
