// The globs of --include and --exclude.
import { UsageError } from '../../src/cli/failure.js';
import { parseFilter, parseGlob } from '../../src/cli/glob.js';

test.each<[pattern: string, matching: string[], others: string[]]>([
  ['*.ts', ['a.ts', '.ts', '.a.ts'], ['a.tsx', 'b/a.ts', 'ats', '']],
  ['?', ['a', '世', '😀'], ['', 'ab', '/']],
  ['a*b*c', ['abc', 'a__b__c', 'abbcbc'], ['abcd', 'ab', 'cba']],
  ['[a-c].js', ['a.js', 'c.js'], ['d.js', '-.js', '[a-c].js']],
  ['[!a-c]', ['d', '-'], ['a', 'c', 'dd']],
  ['[]x]', [']', 'x'], ['[', '[]x]']],
  ['[a-]', ['a', '-'], ['b']],
  ['[a', ['[a'], ['a']],
  ['\\*.\\{js\\}', ['*.{js}'], ['a.js', '*.js', 'a.{js}']],
  ['*.{js,ts}', ['a.js', 'a.ts'], ['a.jsts', 'a.', 'a.{js,ts}']],
  ['{a,b{c,d},}x', ['ax', 'bcx', 'bdx', 'x'], ['bx', 'cx']],
  ['{a,b', ['{a,b'], ['a', 'b']],
  ['src/*.c', ['src/a.c'], ['src/b/a.c', 'a.c', 'src/']],
  ['**/*.c', ['a.c', 'b/a.c', 'b/c/a.c'], ['a.h', 'b/a.h']],
  ['src/**', ['src', 'src/a', 'src/a/b'], ['srca', 'a/src']],
  ['a/**/b/**/c', ['a/b/c', 'a/x/b/y/z/c'], ['a/c', 'a/b/c/d']],
  ['', [''], ['a']],
  ['(a|b)+.$', ['(a|b)+.$'], ['a', 'aa']],
])('%j matches as in a shell', (pattern, matching, others) => {
  const glob = parseGlob(pattern);
  expect(matching.filter((text) => !glob(text))).toEqual([]);
  expect(others.filter((text) => glob(text))).toEqual([]);
});

test('matches every pattern in bounded time and memory', () => {
  const begin = performance.now();
  const long = 'a'.repeat(255);
  expect(parseGlob(`${'*a'.repeat(100)}b`)(long)).toBe(false);
  expect(parseGlob(`${'**/a/'.repeat(50)}b`)('a/'.repeat(500))).toBe(false);
  expect(performance.now() - begin).toBeLessThan(1000);
  expect(() => parseGlob('{a,b}'.repeat(20))).toThrow(UsageError);
});

test('applies includes before excludes, and matches patterns with a slash against the path', () => {
  const filter = parseFilter(['*.ts', '*.js'], ['*.test.ts', 'src/old/*']);
  const passes = (path: string): boolean =>
    filter(path, path.slice(path.lastIndexOf('/') + 1));
  expect(passes('src/a.ts')).toBe(true);
  expect(passes('src/a.js')).toBe(true);
  expect(passes('src/a.md')).toBe(false);
  expect(passes('src/a.test.ts')).toBe(false);
  expect(passes('src/old/a.ts')).toBe(false);
  expect(parseFilter([], [])('a', 'a')).toBe(true);
});
