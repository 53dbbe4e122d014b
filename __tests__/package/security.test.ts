// The promises of SECURITY.md about the code of the package and its
// dependencies.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { packed, root } from '../support/built-package.js';

const filesIn = (folder: string, ending: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file))
    .map((file) => join(root, folder, file));

const isFfi = (file: string): boolean =>
  relative(join(root, 'src/ffi'), file).split(/[\\/]/)[0] !== '..';

interface Uses {
  readonly modules: readonly string[];
  /** Imports and requires whose argument is not a literal. */
  readonly computed: readonly string[];
  readonly evaluated: readonly string[];
}

const known = new Map<string, Uses>();

/** The names that a program imports, requires and calls. */
function usesOf(file: string): Uses {
  const uses = known.get(file) ?? readUses(file);
  known.set(file, uses);
  return uses;
}

function readUses(file: string): Uses {
  const text = readFileSync(file, 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const modules: string[] = [];
  const computed: string[] = [];
  const evaluated: string[] = [];
  const checkCall = (call: ts.CallExpression): void => {
    const [name] = call.arguments;
    if (name !== undefined && ts.isStringLiteral(name)) modules.push(name.text);
    else computed.push(call.getText(source).slice(0, 80));
  };
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      modules.push(node.moduleSpecifier.text);
    }
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const callee = node.expression;
      const name = callee.getText(source);
      if (/^(eval|Function|globalThis\.(eval|Function))$/.test(name)) {
        evaluated.push(node.getText(source).slice(0, 80));
      }
      if (
        ts.isCallExpression(node) &&
        (callee.kind === ts.SyntaxKind.ImportKeyword ||
          name === 'require' ||
          /^createRequire\d*$/.test(
            ts.isCallExpression(callee)
              ? callee.expression.getText(source)
              : '',
          ))
      ) {
        checkCall(node);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { modules, computed, evaluated };
}

const NETWORK =
  /^(node:)?(net|http|https|http2|dgram|dns|dns\/promises|tls|inspector|vm|cluster)$/;

describe.each([
  ['the sources', () => filesIn('src', /\.ts$/)],
  ['the build', () => filesIn('dist', /\.c?js$/)],
])('%s', (name, files) => {
  test('use no network and evaluate no code', () => {
    const found = files().flatMap((file) => {
      const { modules, computed, evaluated } = usesOf(file);
      return [
        ...modules.filter((module) => NETWORK.test(module)),
        ...computed,
        ...evaluated,
      ].map((what) => [relative(root, file), what]);
    });
    expect(files().length).toBeGreaterThan(4);
    expect(found).toEqual([]);
  });

  test('load no package but koffi, and start processes only in kq', () => {
    const own = /^(\.|node:|kqueue-ffi(\/|$))/;
    const packages = new Set<string>();
    for (const file of files()) {
      for (const module of usesOf(file).modules) {
        if (!own.test(module)) packages.add(module);
        if (/child_process/.test(module)) {
          expect(relative(root, file)).toMatch(/^(src.cli.|dist.cli\.js$)/);
        }
        if (module === 'koffi' && name === 'the sources') {
          expect([file, isFfi(file)]).toEqual([file, true]);
        }
      }
    }
    packages.delete('koffi');
    expect([...packages]).toEqual([]);
  });
});

interface Locked {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly link?: boolean;
  readonly dev?: boolean;
}

describe('the lockfile', () => {
  const lock = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  ) as { packages: Record<string, Locked> };
  const entries = Object.entries(lock.packages).filter(([path]) => path !== '');

  test('pins every package by the hash of a tarball of the npm registry', () => {
    expect(entries.length).toBeGreaterThan(100);
    const loose = entries.filter(
      ([, { resolved, integrity, link }]) =>
        link === true ||
        !/^sha512-[\w+/]+=*$/.test(integrity ?? '') ||
        (resolved !== undefined &&
          !/^https:\/\/[^/]+\/.*\.tgz$/.test(resolved)),
    );
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  test('has one runtime package with an install script: koffi', () => {
    const atRunTime = entries.filter(([, { dev }]) => dev !== true);
    for (const [path] of atRunTime) {
      expect(path).toMatch(/^node_modules\/(koffi|@koromix\/koffi-[\w-]+)$/);
    }
    const scripts = atRunTime.filter(
      ([, { hasInstallScript }]) => hasInstallScript,
    );
    expect(scripts.map(([path]) => path)).toEqual(['node_modules/koffi']);
  });

  test('has install scripts of known packages only', () => {
    const { allowScripts } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    ) as { allowScripts: Record<string, boolean> };
    const names = entries
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13));
    const unknown = names.filter(
      (name) => !Object.hasOwn(allowScripts, name) && name !== 'fsevents',
    );
    expect(unknown).toEqual([]);
  });
});

test('the published package contains no test files, and is small', () => {
  const listed = execFileSync('tar', ['-tzf', packed], { encoding: 'utf8' });
  const files = listed.trimEnd().split('\n');
  const others = files.filter(
    (file) =>
      !/^package\/(dist\/|man\/kq\.1$|(README|CHANGELOG)\.md$|LICENSE$|package\.json$)/.test(
        file,
      ),
  );
  expect(files.length).toBeGreaterThan(4);
  expect(others).toEqual([]);
  expect(statSync(packed).size).toBeLessThan(1_000_000);
});
