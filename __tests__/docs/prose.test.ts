// The rules for prose of CONTRIBUTING.md, as far as a program can check them.
import { pages, textOf } from '../support/doc-blocks.js';

/** Written by programs, or figures of others. */
const GENERATED = ['docs/conformance.md'];
const WORDS_PER_SENTENCE = 45;

/** Words of a page that readers had to translate, and what to write instead. */
const TERMS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:is|are|was|were|be|been) told\b(?! apart)/i, 'reported, notified'],
  [/\btells? of\b/i, 'reports'],
  [/\bwhoever\b/i, 'the caller, the consumer'],
  [/\bsomebody asks\b/i, 'the caller'],
  [/\basked for\b/i, 'requested'],
  [/\bhappenings?\b/i, 'event'],
  [/\bwhat (?:is|was) asked\b/i, 'the request'],
  [/\btime is out\b/i, 'time ran out'],
  [/\bhas (?:its|their) turn\b/i, 'runs'],
];

/** A page without its code, links' targets and tables' bars: one line per part. */
function partsOf(page: string): { readonly line: number; text: string }[] {
  const lines = textOf(page)
    .replace(/^ *(`{3,})[\s\S]*?^ *\1/gm, (code) => code.replace(/[^\n]/g, ''))
    .replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ''))
    .split('\n');
  const parts: { line: number; text: string }[] = [];
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
  text.split(/(?<=[.!?:;]\*{0,2}) (?=[A-Z\d`*]|k(?:q|queue|offi) )/);

describe.each(pages.filter((page) => !GENERATED.includes(page)))(
  '%s',
  (page) => {
    const parts = partsOf(page);
    const found = (wrong: (sentence: string) => boolean): string[] =>
      parts.flatMap(({ line, text }) =>
        sentencesOf(text)
          .filter(wrong)
          .map((sentence) => `${page}:${line}: ${sentence}`),
      );

    test('says who does what: no sentence begins with What, Who or Of', () => {
      const begins = /^\**(?:What|Who|Whoever|Of) [a-z](?!.*\?)/;
      expect(found((sentence) => begins.test(sentence))).toEqual([]);
    });

    test.each(TERMS)('does not say %s', (term) => {
      expect(found((sentence) => term.test(sentence))).toEqual([]);
    });

    test('has no sentence that is too long', () => {
      // Lists of ids in a table are no sentences.
      const isLong = (sentence: string): boolean =>
        sentence
          .split(/\s+/)
          .filter((word) => /^[a-z]/i.test(word) && !/\d/.test(word)).length >
        WORDS_PER_SENTENCE;
      expect(found(isLong)).toEqual([]);
    });
  },
);
