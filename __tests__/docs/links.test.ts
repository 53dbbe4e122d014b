// The documentation speaks of what there is.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../support/built-package.js';
import { pages, textOf } from '../support/doc-blocks.js';

/** The anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (page: string): string[] => {
  const text = textOf(page);
  const headings = text
    .split('\n')
    .filter((line) => /^#{1,6} /.test(line))
    .map((line) => anchorOf(line.replace(/^#+ /, '')));
  const set = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id);
  return [...headings, ...set];
};

test.each(pages)('every link of %s has a target', (page) => {
  const text = textOf(page).replace(/^```.*?^```/gms, '');
  const dead = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path, anchor] = link.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, file))) return true;
      if (anchor === undefined || !file.endsWith('.md')) return false;
      return !anchorsOf(file).includes(anchor);
    });
  expect(dead).toEqual([]);
});

test('the index of the documentation lists every page', () => {
  const index = textOf('docs/README.md');
  const missing = pages.filter(
    (page) =>
      page.startsWith('docs/') &&
      page !== 'docs/README.md' &&
      !index.includes(`](${page.slice('docs/'.length)})`),
  );
  expect(missing).toEqual([]);
});

test('the changelog covers the version of the package', () => {
  const { version } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  expect(textOf('CHANGELOG.md')).toContain(`## [${version}]`);
});

test('CI runs the test command of the contributing page', () => {
  const line = /^npm ci && npm test/m.exec(textOf('CONTRIBUTING.md'))?.[0];
  expect(line).toBeDefined();
  expect(readFileSync(join(root, '.ci/run'), 'utf8')).toContain(line);
});
