import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Options } from 'tsup';
import { dense } from './dense.js';
import {
  builtinNames,
  type Home,
  homeOf,
  LATE_TABLES,
  lazyOf,
  namesBetween,
  packageNames,
  resolveImport,
  SHARED,
  type Shared,
  servedBy,
  sharedExports,
  src,
  TABLE_INDEX,
  TABLES,
  tableOf,
} from './files.js';
import { mapLines, type SourceMap } from './line-map.js';
import { small } from './small.js';

type EsbuildPlugin = NonNullable<Options['esbuildPlugins']>[number];
type TsupPlugin = NonNullable<Options['plugins']>[number];

/** Entry points for the files of `dist` that are there once. */
export const sharedEntries: Readonly<Record<string, string>> =
  Object.fromEntries(SHARED.map((name) => [name, `shared:${name}`]));

const isShared = (home: Home): home is Shared =>
  SHARED.some((name) => name === home);

/**
 * What ESM imports in place of a shared file: Node.js reads through whatever
 * CommonJS is imported for the names in it, and that takes longer than to run
 * it.
 */
const namesFile = (home: Shared): string => `${home}.names.cjs`;

/**
 * Modules of Node.js are taken through CommonJS too: to import `node:fs` into
 * ESM loads its streams, and to import `node:process` opens standard input.
 */
const BUILTINS_FILE = 'node.names.cjs';
const BUILTINS = ['async_hooks', 'fs', 'os', 'path', 'process', 'url'];

/** A bundler that makes ESM of CommonJS cannot `require` what is Node's. */
const builtin = (name: string): string =>
  `process.getBuiltinModule?.('node:${name}') ?? require('node:${name}')`;

/** The small files that esbuild does not make, by their names. */
export function namesFiles(): [file: string, text: string][] {
  const exported = sharedExports();
  const files = (['facts', 'core'] as const).map((home): [string, string] => [
    namesFile(home),
    [
      `'use strict';`,
      `const ${home} = require('./${home}.cjs');`,
      ...[...exported[home].keys()].map(
        (name) => `exports.${name} = ${home}.${name};`,
      ),
      '',
    ].join('\n'),
  ]);
  const builtins = [
    `'use strict';`,
    ...BUILTINS.map((name) => `exports.${name} = ${builtin(name)};`),
    '',
  ];
  return [...files, [BUILTINS_FILE, builtins.join('\n')], ...indexFiles()];
}

/**
 * The package itself, as Node.js loads it: hundreds of constants are copied,
 * and ESM takes all of it through `require`, which is quicker by milliseconds
 * than to import CommonJS.
 */
function indexFiles(): [file: string, text: string][] {
  const { shared, constants } = packageNames();
  const names = [...shared.keys(), ...constants].sort();
  return [
    [
      'index.cjs',
      [
        `'use strict';`,
        `Object.defineProperty(exports, '__esModule', { value: true });`,
        `const core = require('./core.cjs');`,
        `const facts = require('./facts.cjs');`,
        `const { constants } = facts.hostFacts;`,
        ...[...shared].map(
          ([name, home]) => `exports.${name} = ${home}.${name};`,
        ),
        'for (const name of [',
        ...constants.map((name) => `'${name}',`),
        ']) exports[name] = constants[name];',
        '',
      ].join('\n'),
    ],
    [
      'index.js',
      [
        `import { createRequire } from 'node:module';`,
        'export const {',
        ...names.map((name) => `${name},`),
        `} = createRequire(import.meta.url)('./index.cjs');`,
        '',
      ].join('\n'),
    ],
  ];
}

/** In place of `node:module`, which is loaded when it is first needed. */
const LAZY_MODULE = `
export const createRequire = (file) =>
  (${builtin('module')}).createRequire(file);
`;

/** In place of a module of Node.js. */
const builtinSource = (
  name: string,
  home: Home,
  isCommonJs: boolean,
): string =>
  isCommonJs && name === 'module'
    ? LAZY_MODULE
    : [
        isCommonJs
          ? `const builtin = ${builtin(name)};`
          : `import { ${name} as builtin } from './${BUILTINS_FILE}';`,
        ...builtinNames(`node:${name}`, home).map(
          (key) =>
            `const ${key}_ = builtin.${key};\nexport { ${key}_ as ${key} };`,
        ),
      ].join('\n');

/** In place of a module that is loaded when its functions are called. */
const lazySource = (file: string): string =>
  [...sharedExports().core]
    .filter(([, module]) => module === file)
    .map(
      ([name]) =>
        `export const ${name} = (...args) => require('./${lazyOf(file)}.cjs').${name}(...args);`,
    )
    .join('\n');

const fileOfTable = (name: string): string =>
  LATE_TABLES.includes(name) ? 'tables.cjs' : `${name}.js`;

/** In place of `abi/index.ts`: no table is made before it is asked for. */
const LAZY_TABLES = `
const lazy = (load) => {
  let table;
  return { enumerable: true, get: () => (table ??= load()) };
};
export const kernels = /* @__PURE__ */ Object.defineProperties({}, {
  ${TABLES.map((name) => `${name}: lazy(() => require('./${fileOfTable(name)}').${name}),`).join('\n')}
});
`;

/** In place of a table, or of all, in the other files. */
const tableSource = (file: string, names: readonly string[]): string =>
  [
    `import { kernels } from './${file}';`,
    'export { kernels };',
    ...names.map((name) => `export const ${name} = kernels.${name};`),
  ].join('\n');

/** Let each module go to its file of `dist`. */
export const toTheirFiles: EsbuildPlugin = {
  name: 'to-their-files',
  setup(build) {
    const isCommonJs = build.initialOptions.format === 'cjs';
    const fileOf = (home: Home): string =>
      isShared(home)
        ? isCommonJs
          ? `${home}.cjs`
          : namesFile(home)
        : `${home}.${isCommonJs ? 'cjs' : 'js'}`;
    const exported = sharedExports();

    build.onResolve({ filter: /^shared:/ }, ({ path }) => ({
      path: path.slice('shared:'.length),
      namespace: 'shared',
    }));
    build.onLoad({ filter: /./, namespace: 'shared' }, ({ path }) => ({
      contents: [...exported[path as Shared]]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, file]) => `export { ${name} } from '${file}';`)
        .join('\n'),
      resolveDir: src,
    }));

    build.onResolve({ filter: /^node:/ }, ({ path, namespace, importer }) => {
      const name = path.slice('node:'.length);
      return namespace === 'file' && (isCommonJs || BUILTINS.includes(name))
        ? { path: `${name} for ${homeOf(importer)}`, namespace: 'builtin' }
        : { path, external: true };
    });
    build.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => {
      const [name, home] = path.split(' for ') as [string, Home];
      return { contents: builtinSource(name, home, isCommonJs) };
    });

    build.onResolve({ filter: /^(\.\.?)?\// }, (request) => {
      const { importer, namespace, path, kind } = request;
      if (kind === 'entry-point') return undefined;
      const isEntry = namespace === 'shared';
      // What is made here imports nothing but files of `dist`.
      if (namespace !== 'file' && !isEntry) return { path, external: true };
      if (path.endsWith('.cjs')) return { path, external: true };
      const target = isEntry ? path : resolveImport(importer, path);
      const from = isEntry ? (importer as Shared) : homeOf(importer);
      if (lazyOf(target) !== undefined && from === 'core') {
        return { path: relative(src, target), namespace: 'lazy' };
      }
      if (isEntry) return { path };
      const home = servedBy(target);
      if (homeOf(target) === from || home === 'outer') return undefined;
      if (target === TABLE_INDEX && from === 'abi') {
        return { path: 'all', namespace: 'table' };
      }
      const table = tableOf(target);
      if (table !== undefined) return { path: table, namespace: 'table' };
      if (!isShared(home)) {
        return { path: `./${fileOf(home)}`, external: true };
      }
      return { path: `${home} for ${from}`, namespace: 'from' };
    });
    build.onLoad({ filter: /./, namespace: 'from' }, ({ path }) => {
      const [home, from] = path.split(' for ') as [Shared, Home];
      const names = namesBetween(from, home);
      return {
        contents: isCommonJs
          ? [
              `const ${home} = require('./${fileOf(home)}');`,
              ...names.map((name) => `export const ${name} = ${home}.${name};`),
            ].join('\n')
          : `export { ${names.join(', ')} } from './${fileOf(home)}';`,
      };
    });
    build.onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({
      contents: lazySource(join(src, path)),
    }));
    build.onLoad({ filter: /./, namespace: 'table' }, ({ path }) => ({
      contents: tableSource(fileOf('facts'), path === 'all' ? TABLES : [path]),
    }));

    build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => ({
      contents:
        path === TABLE_INDEX
          ? LAZY_TABLES
          : await small(build.esbuild, path, readFileSync(path, 'utf8')),
      loader: 'ts',
    }));
  },
};

/** How esbuild writes what CommonJS exports: as getters, which it copies. */
const EXPORTS =
  /^var (\w+) = \{\};\n__export\(\1, \{\n((?: +\w+: \(\) => \w+,?\n)+)\}\);\nmodule\.exports = __toCommonJS\(\1\);\n/m;

/** What it defines for that, each by those after it. */
const HELPERS = [
  '__toCommonJS',
  '__copyProps',
  '__export',
  '__hasOwnProp',
  '__getOwnPropNames',
  '__getOwnPropDesc',
  '__defProp',
];

const linesOf = (text: string): string => text.replaceAll(/[^\n]/g, '');

/** Without a function or value that nothing uses; lines stay, for the map. */
function withoutUnused(code: string, name: string): string {
  if (code.split(new RegExp(`\\b${name}\\b`)).length > 2) return code;
  const definition = new RegExp(
    `^var ${name} = (?:.*\\{\\n[\\s\\S]*?^\\};|.*;)\\n`,
    'm',
  );
  return code.replace(definition, linesOf);
}

/**
 * The exports of a file that only others of `dist` require, as what they are:
 * none of them changes, and nobody asks before the file has run.
 */
function withPlainExports(code: string): string {
  const [block, , listed] = EXPORTS.exec(code) ?? ['', '', ''];
  if (block === '') return code;
  const names = listed.replaceAll(/(\w+): \(\) => (\w+)/g, (_, name, value) =>
    name === value ? name : `${name}: ${value}`,
  );
  const plain = `${code.replace(block, linesOf)}module.exports = {\n${names}};\n`;
  return HELPERS.reduce(withoutUnused, plain);
}

/** esbuild calls a class that speaks of itself `_X`; people know it as `X`. */
const withClassNames = (code: string): string =>
  [...code.matchAll(/\bvar (\w+) = class _\1\b/g)].reduce(
    (text, [, name]) =>
      text.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name),
    code,
  );

/** Small code, a statement per line, and small source maps. */
export const denseLines: TsupPlugin = {
  name: 'dense-lines',
  renderChunk(code, info) {
    const isOurs = SHARED.some((name) => info.path.endsWith(`${name}.cjs`));
    const plain = isOurs ? withPlainExports(code) : code;
    const lines = dense(info.path, withClassNames(plain));
    if (info.map !== undefined && info.map !== null) {
      const map = (
        typeof info.map === 'string' ? JSON.parse(info.map) : info.map
      ) as SourceMap;
      mapLines(
        map,
        lines.map(({ from }) => from),
      );
      info.map = map as typeof info.map;
    }
    return { code: `${lines.map(({ text }) => text).join('\n')}\n` };
  },
};
