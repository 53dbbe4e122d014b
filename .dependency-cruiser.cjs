// The fences between the rooms of src: see the picture in CONTRIBUTING.md.
// `npm run lint` holds them.

/** From the ground up: a room imports only from rooms that stand before it. */
const FLOORS = [
  ['src/errors\\.ts'],
  ['src/abi/'],
  ['src/host/'],
  ['src/memory/'],
  ['src/ffi/'],
  ['src/linux/'],
  ['src/calls/'],
  ['src/queue/'],
  ['src/explain/', 'src/doctor/', 'src/helpers/'],
  ['src/index\\.ts', 'src/abi\\.ts'],
  ['src/cli/'],
];

const anyOf = (floors) => `^(${floors.flat().join('|')})`;

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...FLOORS.map((floor, i) => ({
      name: 'nothing-imports-upward',
      comment: 'A room imports only what stands below it, types included.',
      severity: 'error',
      from: { path: anyOf([floor]) },
      to: { path: anyOf(FLOORS.slice(i + 1)) },
    })).slice(0, -1),
    {
      name: 'rooms-of-one-floor-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/(explain|doctor|helpers)/' },
      to: { path: '^src/(explain|doctor|helpers)/', pathNot: '^src/$1/' },
    },
    {
      name: 'rooms-have-one-door',
      comment:
        'A room is entered by its index.ts, and the queue by parts.ts too, which is also how the build tells the files of dist apart.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/[^/]+/',
        pathNot: [
          '^src/$1/',
          '^src/[^/]+/index\\.ts$',
          '^src/queue/parts\\.ts$',
        ],
      },
    },
    {
      name: 'only-ffi-knows-koffi',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/ffi/' },
      to: { path: 'node_modules/(koffi|@koromix)' },
    },
    {
      name: 'the-command-uses-public-names',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/(cli/|index\\.ts|abi\\.ts)' },
    },
    {
      name: 'the-package-depends-on-koffi-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'],
        pathNot: 'package\\.json$',
      },
    },
    {
      name: 'no-circle-of-values',
      comment: 'Types may know each other within a room; values may not.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        circular: true,
        viaOnly: { dependencyTypesNot: ['type-only'] },
      },
    },
    {
      name: 'nothing-is-left-over',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: '^src/(index|abi)\\.ts$',
      },
      to: {},
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|package\\.json)' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'] },
  },
};
