import { UsageError } from './failure.js';

/** Tests whether a glob matches. */
export type Glob = (text: string) => boolean;

/** `*`, or a test of one character. */
type Token = '*' | ((character: string) => boolean);

/** A part between slashes: `**`, or its tokens. */
type Part = '**' | readonly Token[];

/** The limit of alternatives, because braces multiply. */
const MAX_ALTERNATIVES = 1000;

/**
 * Match a sequence, in time that grows with the product of both lengths at
 * most: only the last wildcard is ever retried.
 */
function matchSequence<P, T>(
  pattern: readonly P[],
  items: readonly T[],
  isWildcard: (element: P) => boolean,
  matches: (element: P, item: T) => boolean,
): boolean {
  let at = 0;
  let wildcard = -1;
  let taken = 0;
  for (let i = 0; i < items.length; ) {
    if (at < pattern.length && isWildcard(pattern[at])) {
      wildcard = at++;
      taken = i;
    } else if (at < pattern.length && matches(pattern[at], items[i])) {
      at++;
      i++;
    } else if (wildcard >= 0) {
      at = wildcard + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  return pattern.slice(at).every(isWildcard);
}

/** The set of `[a-z_]` or `[!a-z]`, without its brackets. */
function parseSet(text: string): (character: string) => boolean {
  const isNegated = /^[!^]/.test(text);
  const members = Array.from(isNegated ? text.slice(1) : text);
  const ranges: [from: string, to: string][] = [];
  for (let i = 0; i < members.length; i++) {
    const isRange = members[i + 1] === '-' && i + 2 < members.length;
    ranges.push([members[i], isRange ? members[i + 2] : members[i]]);
    if (isRange) i += 2;
  }
  return (character) =>
    ranges.some(([from, to]) => from <= character && character <= to) !==
    isNegated;
}

function parsePart(text: string): Part {
  if (text === '**') return text;
  const tokens: Token[] = [];
  const characters = Array.from(text);
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i];
    // The first character of a set may be a bracket.
    const end = character === '[' ? characters.indexOf(']', i + 2) : -1;
    if (character === '*') {
      tokens.push('*');
    } else if (character === '?') {
      tokens.push(() => true);
    } else if (end > 0) {
      tokens.push(parseSet(characters.slice(i + 1, end).join('')));
      i = end;
    } else {
      const literal =
        character === '\\' ? (characters[++i] ?? character) : character;
      tokens.push((other) => other === literal);
    }
  }
  return tokens;
}

const matchPart = (part: Part, text: string): boolean =>
  part !== '**' &&
  matchSequence(
    part,
    Array.from(text),
    (token) => token === '*',
    (token, character) => token !== '*' && token(character),
  );

/** Find the first pair of braces, and its commas. */
function findBraces(
  pattern: string,
): readonly [open: number, ...commas: number[]] | undefined {
  const opened: number[][] = [];
  for (let i = 0; i < pattern.length; i++) {
    const last = opened.at(-1);
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === '{') opened.push([i]);
    else if (pattern[i] === ',') last?.push(i);
    else if (pattern[i] === '}' && last !== undefined) {
      const [open, ...commas] = last;
      if (opened.length === 1) return [open, ...commas, i];
      opened.pop();
    }
  }
  return undefined;
}

/** Expand braces: `a.{js,ts}` becomes `a.js` and `a.ts`. */
function expandBraces(pattern: string): readonly string[] {
  const done: string[] = [];
  const waiting = [pattern];
  for (;;) {
    const next = waiting.pop();
    if (next === undefined) return done;
    const found = findBraces(next);
    if (found === undefined) {
      done.push(next);
    } else {
      const [open, ...ends] = found;
      const rest = next.slice((ends.at(-1) ?? open) + 1);
      let begin = open + 1;
      for (const end of ends) {
        waiting.push(next.slice(0, open) + next.slice(begin, end) + rest);
        begin = end + 1;
      }
    }
    if (done.length + waiting.length > MAX_ALTERNATIVES) {
      throw new UsageError(`too many alternatives: '${pattern}'`);
    }
  }
}

/**
 * Parse a glob. `*` matches any characters and `?` any single character, except
 * `/`. `**` matches any directories. `[a-z]`, `[!a-z]` and `{a,b}` work as in a
 * shell, and `\` escapes a character. A leading dot is like any other
 * character.
 */
export function parseGlob(pattern: string): Glob {
  const alternatives = expandBraces(pattern).map((alternative) =>
    alternative.split('/').map(parsePart),
  );
  return (text) => {
    const segments = text.split('/');
    return alternatives.some((parts) =>
      matchSequence(parts, segments, (part) => part === '**', matchPart),
    );
  };
}

/**
 * Tests whether `--include` and `--exclude` select an entry: its path as
 * printed, and its name.
 */
export type EntryFilter = (path: string, name: string) => boolean;

/**
 * Select included entries without the excluded ones. A pattern with a slash is
 * matched against the path, another against the name.
 */
export function parseFilter(
  included: readonly string[],
  excluded: readonly string[],
): EntryFilter {
  const parse = (pattern: string): EntryFilter => {
    const glob = parseGlob(pattern);
    return pattern.includes('/')
      ? (path) => glob(path)
      : (_, name) => glob(name);
  };
  const [includes, excludes] = [included.map(parse), excluded.map(parse)];
  return (path, name) =>
    (includes.length === 0 ||
      includes.some((matches) => matches(path, name))) &&
    !excludes.some((matches) => matches(path, name));
}
