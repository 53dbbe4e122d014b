// docs/reference.md names every export of the package.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import * as abi from '../../src/abi.js';
import * as index from '../../src/index.js';
import { root } from '../support/built-package.js';
import { textOf } from '../support/doc-blocks.js';

const page = textOf('docs/reference.md');
const words = new Set(
  [...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code]) =>
    (code.match(/[\w$]+/g) ?? []).map(String),
  ),
);

/** The types that an entry point exports, which leave nothing at run time. */
function typesOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  return source.statements.filter(ts.isExportDeclaration).flatMap((from) => {
    const names = from.exportClause;
    return names !== undefined && ts.isNamedExports(names)
      ? names.elements.map(({ name }) => name.text)
      : [];
  });
}

const missing = (names: readonly string[]): string[] =>
  names.filter((name) => !words.has(name));

test.each([
  ['kqueue-ffi', 'src/index.ts', index],
  ['kqueue-ffi/abi', 'src/abi.ts', abi],
])('names every export of %s', (_, file, values) => {
  expect(missing([...Object.keys(values), ...typesOf(file)])).toEqual([]);
});

test.each([
  ['Kqueue', index.Kqueue],
  ['KeventList', index.KeventList],
  ['Timespec', index.Timespec],
])('names every member of %s', (_, owner) => {
  const builtIn = ['constructor', 'length', 'name', 'prototype'];
  const members = [owner, owner.prototype]
    .flatMap((object) => Object.getOwnPropertyNames(object))
    .filter((name) => !builtIn.includes(name));
  expect(missing(members)).toEqual([]);
});

test('names only constants that exist', () => {
  const constants = [...words].filter((word) =>
    /^(EV|EVFILT|NOTE|VQ|KEVENT_FLAG)_\w+$/.test(word),
  );
  expect(constants.filter((name) => !(name in index))).toEqual([]);
});

test('names every environment variable', () => {
  expect(
    missing(['KQUEUE_FFI_LIBRARY', 'KQUEUE_FFI_ABI', 'KQUEUE_FFI_TRACE']),
  ).toEqual([]);
});
