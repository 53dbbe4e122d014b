// The rules for prose of CONTRIBUTING.md, as far as a program can check them: in
// the documentation, in comments, and in the names of tests.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/built-package.js';
import { pages, textOf } from '../support/doc-blocks.js';

/** Pages that a program writes. */
const GENERATED = ['docs/conformance.md'];
const MAX_WORDS = 25;

const filesOf = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:[cm]?js|ts)$/.test(file))
    .map((file) => `${folder}/${file}`);

const sources = filesOf('src');

/** This file itself names the words that it forbids. */
const programs = ['__tests__', 'bench', 'examples', 'scripts']
  .flatMap(filesOf)
  .filter((file) => !/docs\/prose\.test\.ts|__tests__\/soak/.test(file));

/** Words that readers had to translate, and what to write instead. */
const TERMS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:is|are|was|were|be|been) told\b(?! apart)/i, 'reported, notified'],
  [/\btells? of\b/i, 'reports'],
  [/\bwhoever\b/i, 'the caller, the consumer'],
  [/\bsomebody asks\b/i, 'the caller'],
  [/\basked for\b/i, 'requested'],
  [/\bhappenings?\b/i, 'event'],
  [/\bwhat (?:is|was) asked\b/i, 'the request'],
  [/\btime is out\b/i, 'time ran out'],
  [/\b(?:has|have|had) (?:its|their) turn\b/i, 'runs'],
  [/\b(?:some|any|every)body\b/i, 'the caller, other code, a process'],
  [/\bwho (?:asks|waits|listens)\b/i, 'the caller, the consumer'],
  [/\bwhat (?:waits|comes|happened)\b/i, 'pending event, event'],
  [/\bof which\b/i, 'a sentence of its own'],
  [/\b(?:be|is|are|was) had\b/i, 'available'],
  [/\bkernel (?:answers|tells|says)\b/i, 'the kernel reports, refuses'],
  [/\bhand(?:s|ed)? on\b/i, 'pass, deliver'],
  [/\b(?:two|one|second|last) looks?\b/i, 'calls, polls'],
  [/\bother side (?:is gone|has gone)\b/i, 'closed'],
];

interface Part {
  readonly line: number;
  text: string;
}

/** The comments of a source, each as a page. */
function commentsOf(source: string): Part[] {
  const text = textOf(source);
  const comments = text.matchAll(/\/\*\*([\s\S]*?)\*\/|(?:^ *\/\/.*\n)+/gm);
  return [...comments].flatMap((comment) => {
    const first = text.slice(0, comment.index).split('\n').length;
    const body = (comment[1] ?? comment[0])
      .replace(/^ *(?:\*|\/\/) ?/gm, '')
      .replace(/\{@link [^}]+\}/g, 'Code')
      // A tag begins a paragraph.
      .replace(/^@/gm, '\n@');
    return partsOf(body).map((part) => ({ line: first, text: part.text }));
  });
}

/** A page without its code, links' targets and tables' bars: one line per part. */
function partsOf(page: string): Part[] {
  const lines = page
    .replace(/^ *(`{3,})[\s\S]*?^ *\1/gm, (code) => code.replace(/[^\n]/g, ''))
    .replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ''))
    .split('\n');
  const parts: Part[] = [];
  for (const [index, raw] of lines.entries()) {
    const text = raw
      .replace(/`[^`]+`/g, 'Code')
      .replace(/\]\([^)]*\)/g, ']')
      .trim();
    const starts =
      /^([-*|#>]|\d+\.)/.test(text) || lines[index - 1]?.trim() === '';
    if (text.startsWith('#') || text === '') continue;
    if (text.startsWith('|')) {
      for (const cell of text.split('|')) {
        if (cell.trim() !== '')
          parts.push({ line: index + 1, text: cell.trim() });
      }
    } else if (starts || parts.length === 0) {
      parts.push({
        line: index + 1,
        text: text.replace(/^([-*>]|\d+\.) /, ''),
      });
    } else {
      parts[parts.length - 1].text += ` ${text}`;
    }
  }
  return parts;
}

const sentencesOf = (text: string): string[] =>
  text.split(
    /(?<=[.!?:;)]\*{0,2}) (?=[A-Z\d`*]|(?:kq|kqueue|koffi|libuv|epoll|npm) )/,
  );

const written = pages.filter((page) => !GENERATED.includes(page));

describe.each([
  ...[...written, 'CHANGELOG.md'].map((page) => [page, [page]] as const),
  ['comments of the sources', sources] as const,
])('%s', (_, files) => {
  const sentences = files.flatMap((file) => {
    const isSource = file.endsWith('.ts');
    const parts = isSource ? commentsOf(file) : partsOf(textOf(file));
    return parts.flatMap(({ line, text }) =>
      sentencesOf(text).map((sentence) => ({
        at: `${file}:${line}`,
        sentence,
      })),
    );
  });
  const found = (wrong: (sentence: string) => boolean): string[] =>
    sentences
      .filter(({ sentence }) => wrong(sentence))
      .map(({ at, sentence }) => `${at}: ${sentence}`);

  test('has no sentence that begins with What, Who or Of', () => {
    const begins = /^\**(?:What|Who|Whoever|Of) [a-z](?!.*\?)/;
    expect(found((sentence) => begins.test(sentence))).toEqual([]);
  });

  test.each(TERMS)('does not say %s', (term) => {
    expect(found((sentence) => term.test(sentence))).toEqual([]);
  });

  test('has no sentence over 25 words', () => {
    // Lists of ids in a table are not sentences.
    const isLong = (sentence: string): boolean =>
      sentence
        .split(/\s+/)
        .filter((word) => /^[a-z]/i.test(word) && !/\d/.test(word)).length >
      MAX_WORDS;
    expect(found(isLong)).toEqual([]);
  });
});

describe('comments and names of tests, benchmarks, examples and scripts', () => {
  const texts = programs.flatMap((file) => {
    const text = textOf(file);
    const names = text.matchAll(
      /^ *(?:\w+\()?'([^']+ [^']+)',(?: async)? ?(?:\(|$)/gm,
    );
    return [
      ...commentsOf(file).map((part) => ({ file, text: part.text })),
      ...[...names].map(([, name = '']) => ({ file, text: name })),
    ];
  });

  test.each(TERMS)('do not say %s', (term) => {
    const found = texts.filter(({ text }) => term.test(text));
    expect(found).toEqual([]);
  });
});
