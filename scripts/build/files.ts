// Which file of `dist` each module of `src` goes to.
//
// Nearly all is there once, in CommonJS, which both module systems can load: an
// ESM and a CommonJS copy of this package in one process then share kernel,
// queues and errors. What is left over, such as the constants, is there in
// both formats, so that a bundler can drop what a program does not use.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

/** The files that are loaded when what is in them is first called. */
export const LAZY = [
  'tables',
  'native',
  'linux',
  'helpers',
  'doctor',
  'explain',
] as const;
export type Lazy = (typeof LAZY)[number];

/** The files that are there once. */
export const SHARED = ['facts', 'core', ...LAZY] as const;
export type Shared = (typeof SHARED)[number];

/** Where a module goes: to one of those, or to each file that imports it. */
export type Home = Shared | 'bundler' | 'abi' | 'outer';

export const src = resolve('src');

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join(src, file));

/** A module by its name in `src`. */
const module = (name: string): string => join(src, `${name}.ts`);

export const TABLE_INDEX = module('abi/index');

/** The kernels there are tables of: each table is made when it is used. */
export const TABLES: readonly string[] = [
  ...readFileSync(TABLE_INDEX, 'utf8').matchAll(/readonly (\w+): typeof \1;/g),
].map(([, name]) => name);

/** The kernels whose tables few programs use: Darwin's serves Linux too. */
export const LATE_TABLES = TABLES.filter((name) => name !== 'darwin');

/** The kernel of which a module is the table. */
export const tableOf = (file: string): string | undefined =>
  TABLES.find((name) => file === module(`abi/${name}`));

/** The modules whose functions load a file when they are called. */
const doors: Readonly<Record<Lazy, readonly string[]>> = {
  tables: LATE_TABLES.map((name) => module(`abi/${name}`)),
  native: ['ffi/kernel'].map(module),
  linux: ['linux/kernel'].map(module),
  helpers: ['exited', 'interval', 'readiness', 'signals', 'watch-file']
    .map((name) => `helpers/${name}`)
    .map(module),
  doctor: ['doctor'].map(module),
  explain: ['explain', 'explain-inspect', 'trace', 'capabilities'].map(module),
};

/** The file that a module's functions load when they are called. */
export const lazyOf = (file: string): Lazy | undefined =>
  LAZY.find((name) => doors[name].includes(file));

/** What a module takes from another at run time: types left out. */
interface Import {
  /** A path, or the name of a package. */
  readonly target: string;
  readonly names: readonly string[];
}

/** The file that an import names. */
export function resolveImport(from: string, specifier: string): string {
  return resolve(dirname(from), specifier.replace(/\.js$/, '.ts'));
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(file, 'utf8'),
    ts.ScriptTarget.ESNext,
  );
  return source.statements.flatMap((statement) => {
    if (ts.isImportDeclaration(statement)) {
      const { importClause, moduleSpecifier } = statement;
      return importClause?.isTypeOnly
        ? []
        : found(moduleSpecifier, importClause?.namedBindings);
    }
    return ts.isExportDeclaration(statement) && !statement.isTypeOnly
      ? found(statement.moduleSpecifier, statement.exportClause)
      : [];
  });

  function found(
    specifier: ts.Expression | undefined,
    bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined,
  ): Import[] {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return [];
    const target = specifier.text.startsWith('.')
      ? resolveImport(file, specifier.text)
      : specifier.text;
    if (bindings === undefined || !('elements' in bindings)) {
      return [{ target, names: [] }];
    }
    const names = [...bindings.elements]
      .filter((element) => !element.isTypeOnly)
      .map((element) => (element.propertyName ?? element.name).text);
    return names.length === 0 ? [] : [{ target, names }];
  }
}

/** Everything that modules need at once when they are loaded. */
function needs(roots: readonly string[]): Set<string> {
  const found = new Set<string>(roots);
  for (const file of found) {
    for (const { target } of importsOf(file)) {
      if (target.startsWith(src) && lazyOf(target) === undefined) {
        found.add(target);
      }
    }
  }
  return found;
}

/** In the order in which they claim what several need. */
const contents: Readonly<Record<Shared, ReadonlySet<string>>> = {
  // What constants and `kqueue-ffi/abi` need.
  facts: needs(['host', 'names', 'layout'].map(module)),
  core: needs(['syscalls', 'queue', 'proc-stat'].map(module)),
  tables: needs(doors.tables),
  native: needs(doors.native),
  linux: needs(doors.linux),
  helpers: needs(doors.helpers),
  doctor: needs(doors.doctor),
  explain: needs(doors.explain),
};

export function homeOf(file: string): Home {
  if (file === module('index')) return 'bundler';
  if (file === module('abi')) return 'abi';
  // Hundreds of names, of which a program uses a few.
  if (file === module('constants')) return 'outer';
  return SHARED.find((name) => contents[name].has(file)) ?? 'outer';
}

/** The name of each export of the shared files, and the module it is from. */
export function sharedExports(): Record<Shared, Map<string, string>> {
  const exported = {
    facts: new Map<string, string>(),
    core: new Map<string, string>(),
    tables: new Map(LATE_TABLES.map((name) => [name, module(`abi/${name}`)])),
    native: new Map<string, string>(),
    linux: new Map<string, string>(),
    helpers: new Map<string, string>(),
    doctor: new Map<string, string>(),
    explain: new Map<string, string>(),
  };
  const add = (home: Shared, name: string, target: string): void => {
    const other = exported[home].get(name) ?? target;
    if (other !== target) {
      throw new Error(`${home}: ${name} is in ${other} and in ${target}`);
    }
    exported[home].set(name, target);
  };
  for (const file of sources) {
    const from = homeOf(file);
    for (const { target, names } of importsOf(file)) {
      const home = SHARED.find((name) => name === homeOf(target));
      if (!target.startsWith(src) || home === undefined || home === from) {
        continue;
      }
      for (const name of names) {
        if (TABLES.includes(name)) continue;
        add(home, name, target);
        // The others call it through the one that loads the file.
        if (lazyOf(target) !== undefined) add('core', name, target);
      }
    }
  }
  return exported;
}

/** What modules of one file import from another that is there once. */
export const namesBetween = (from: Home, to: Shared): string[] => [
  ...new Set(
    sources
      .filter((file) => homeOf(file) === from)
      .flatMap((file) => importsOf(file))
      .filter(({ target }) => target.startsWith(src) && servedBy(target) === to)
      .flatMap(({ names }) => names)
      .filter((name) => !TABLES.includes(name)),
  ),
];

/** What the package exports: what is in shared files, and the constants. */
export function packageNames(): {
  readonly shared: ReadonlyMap<string, Shared>;
  readonly constants: readonly string[];
} {
  const shared = new Map<string, Shared>();
  for (const { target, names } of importsOf(module('index'))) {
    const home = servedBy(target);
    for (const name of names) shared.set(name, home as Shared);
  }
  const text = readFileSync(module('constants'), 'utf8');
  const constants = [...text.matchAll(/^export const (\w+)/gm)];
  return { shared, constants: constants.map(([, name]) => name) };
}

/** The file from which a module is to be had by the others. */
export const servedBy = (file: string): Home =>
  lazyOf(file) === undefined ? homeOf(file) : 'core';

/** What the modules of one home import from one of Node.js. */
export const builtinNames = (builtin: string, home: Home): string[] => [
  ...new Set(
    sources
      .filter((file) => homeOf(file) === home)
      .flatMap((file) => importsOf(file))
      .filter(({ target }) => target === builtin)
      .flatMap(({ names }) => names),
  ),
];
