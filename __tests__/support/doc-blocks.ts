// The fenced blocks of the documentation.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './built-package.js';

export interface Block {
  /** The file, and the line of the first line of code: `docs/queue.md:9`. */
  readonly at: string;
  readonly language: string;
  readonly code: string;
  /** Why it is not run, of `<!-- not run: why -->` before it. */
  readonly notRun: string | undefined;
}

/** The pages of the documentation, by their paths in the repository. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

export const textOf = (page: string): string =>
  readFileSync(join(root, page), 'utf8');

const FENCE = /^( *)(`{3,})(.*)$/;
const NOT_RUN = /^<!-- not run: (.+) -->$/;

/** The blocks of a page, or of the docstrings of a source. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  const lines = textOf(page)
    .split('\n')
    .map((line) => (page.endsWith('.ts') ? line.replace(/^ *\* ?/, '') : line));
  let notRun: string | undefined;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    const fence = FENCE.exec(line);
    if (fence === null) {
      // The comment of a block is right before it.
      if (line.trim() !== '') notRun = NOT_RUN.exec(line.trim())?.[1];
      continue;
    }
    const [, indent, marks, language] = fence;
    const end = lines.indexOf(indent + marks, i + 1);
    if (end < 0) throw new Error(`${page}:${i + 1}: the block has no end`);
    const code = lines
      .slice(i + 1, end)
      .map((text) => text.slice(indent.length));
    blocks.push({
      at: `${page}:${i + 2}`,
      language: language.trim(),
      code: `${code.join('\n')}\n`,
      notRun,
    });
    notRun = undefined;
    i = end;
  }
  return blocks;
}

export const blocks: readonly Block[] = pages.flatMap(blocksOf);

/** The examples in the docstrings of the helpers. */
export const docstringBlocks: readonly Block[] = readdirSync(
  join(root, 'src/helpers'),
).flatMap((name) => blocksOf(`src/helpers/${name}`));
