/**
 * Who may import what in `src/`, for dependency-cruiser (`npm run imports`, `make lint`). Both tables are allow-lists:
 * what they do not name is forbidden. An import of a type counts like any other.
 *
 * dependency-cruiser reads TypeScript with the compiler's programming interface, which TypeScript 7 does not have. So
 * the package `typescript` is version 6 here, and `tsc` comes from version 7, which is called `@typescript/native`.
 */

/** Room -> the rooms that its files may import, besides their own. A room is a folder of `src/`, or a file in it. */
const ROOMS = {
  'bytes/': [],
  'server/': ['bytes/'],
  'keysource/': ['bytes/', 'server/'],
  'digest/': ['bytes/', 'server/', 'keysource/'],
  'session/': ['bytes/', 'server/', 'keysource/', 'digest/'],
  'texts/': ['session/'],
  'views/': ['bytes/', 'server/', 'keysource/', 'session/', 'texts/'],
  'main.tsx': ['views/', 'server/'],
};

/** Package -> the places in `src/` that may import it. Tests may import `vitest` and what Node brings, too. */
const PACKAGES = {
  preact: ['views/'],
  '@noble/hashes': ['bytes/digests.ts', 'keysource/pfx/'],
  'node-forge': ['keysource/pfx/'],
};

const TEST = '[.]test[.]ts$';
const VECTORS = '^tests/';

/** A regular expression for all files of these places. */
function filesOf(places) {
  const patterns = places.map((place) => (place.endsWith('/') ? place : `${place}$`));
  return `^src/(${patterns.join('|').replaceAll('.', '[.]')})`;
}

/** A regular expression for all files of these packages. Where `node_modules/` is makes no difference. */
function filesOfPackages(packages) {
  return `(^|/)node_modules/(${packages.join('|')})/`;
}

const rooms = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `room ${room}`,
  comment: `It may import ${allowed.join(', ') || 'no other room'}.`,
  severity: 'error',
  from: { path: filesOf([room]) },
  // What cannot be resolved is in no room, and so is forbidden everywhere.
  to: { pathNot: [filesOf([room, ...allowed]), '(^|/)node_modules/', VECTORS], dependencyTypesNot: ['core'] },
}));

const packages = Object.entries(PACKAGES).map(([name, places]) => ({
  name: `package ${name}`,
  comment: `Only ${places.join(', ')} may import it.`,
  severity: 'error',
  from: { path: '^src/', pathNot: filesOf(places) },
  to: { path: filesOfPackages([name]) },
}));

export default {
  forbidden: [
    ...rooms,
    {
      name: 'no room',
      comment: 'Every file is in a room, and the table of rooms names the room.',
      severity: 'error',
      from: { path: '^src/', pathNot: filesOf(Object.keys(ROOMS)) },
      to: {},
    },
    ...packages,
    {
      name: 'package without a place',
      comment: 'The table of packages names every package that the page imports.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: filesOfPackages(['.+']), pathNot: filesOfPackages(Object.keys(PACKAGES)) },
    },
    {
      name: 'package without a place in tests',
      comment: 'A test imports the packages of its room, and vitest.',
      severity: 'error',
      from: { path: TEST },
      to: { path: filesOfPackages(['.+']), pathNot: filesOfPackages([...Object.keys(PACKAGES), 'vitest']) },
    },
    {
      name: 'only tests use Node',
      comment: 'A browser has no modules of Node.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'only tests use the vectors',
      comment: 'The page does not ship the files of its tests.',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: VECTORS },
    },
    {
      name: 'nobody imports a test',
      comment: 'What two tests share is in tests/.',
      severity: 'error',
      from: {},
      to: { path: TEST },
    },
    {
      name: 'no circle',
      comment: 'Two files that import each other can only be read, tested and moved together.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true, // what TypeScript leaves out of its output counts: imports of types
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
