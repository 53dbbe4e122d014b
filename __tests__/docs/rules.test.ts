// Test names and comments refer to Darwin's rules by number: docs/rules.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/built-package.js';
import { textOf } from '../support/doc-blocks.js';

const RULE = /\b[A-Z]\d{1,2}(?:\.\d{1,2})?\b/g;
/** The JavaScript engine looks like a rule of section V. */
const NO_RULES = ['V8'];

const page = textOf('docs/rules.md');
const anchors = [...page.matchAll(/<a id="([a-z0-9-]+)"><\/a>(\S+)/g)];
const rules = new Set(anchors.map(([, , rule]) => rule));
const [, casesOfPage = ''] = /^## Cases$(.*?)^## /ms.exec(page) ?? [];
const cases = new Set(casesOfPage.match(/\b[A-Z]\d\d\b/g));

const sources = ['src', 'soak', '__tests__'].flatMap((folder) =>
  readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
    .filter((name) => /\.(ts|cjs)$/.test(name))
    .map((name) => join(folder, name)),
);

test('docs/rules.md lists every rule and case that tests and comments name', () => {
  const dangling = sources.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return (text.match(RULE) ?? [])
      .filter((id) => !rules.has(id) && !cases.has(id))
      .filter((id) => !NO_RULES.includes(id))
      .map((id) => `${file}: ${id}`);
  });
  expect(dangling).toEqual([]);
});

test('every rule has one anchor', () => {
  for (const [, anchor, rule] of anchors) {
    expect(anchor).toBe(rule.toLowerCase().replace('.', '-'));
  }
  expect(rules.size).toBe(anchors.length);
});

test('every case names rules that exist', () => {
  const named = [...casesOfPage.matchAll(/\d \(([A-Z][^)]*)\)/g)].flatMap(
    ([, list]) => list.split(', '),
  );
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter((id) => !rules.has(id))).toEqual([]);
});
