// The arrows of the house: who may import what. CONTRIBUTING.md has the rooms.
//
//   cli ─► faces ─► stores, hand-out ─► store-kit ─► environment ─► contracts
//          testing ─► hand-out ─┘

/** Every other folder of src/ is a store's. */
const ROOMS = ['contracts', 'environment', 'store-kit', 'hand-out', 'testing', 'cli'];
const ANY_ROOM = `(?:${ROOMS.join('|')})`;
const STORE = `^src/(?!${ANY_ROOM}/)([^/]+)/`;
/** Of the command line, all but the folders of the stores. */
const COMMANDS = '^src/cli/(?!stores/[^/]+/)';

/** A room of src/ may import itself and the rooms given; no other part of the repository. */
function mayOnlyUse(room, ...others) {
  const allowed = [room, ...others].map((name) => `^src/${name}/`);
  return {
    name: `${room}-stays-below`,
    comment: `src/${room}/ may import ${others.join(', ') || 'nothing'} besides itself.`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { dependencyTypesNot: ['npm', 'core'], pathNot: [...allowed, 'node_modules'] },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Files that import each other cannot be read one by one.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    mayOnlyUse('contracts'),
    mayOnlyUse('environment', 'contracts'),
    mayOnlyUse('store-kit', 'environment', 'contracts'),
    mayOnlyUse('hand-out', 'store-kit', 'environment', 'contracts'),
    mayOnlyUse('testing', 'hand-out', 'store-kit', 'environment', 'contracts'),
    {
      name: 'store-stays-in-its-room',
      comment:
        'A store is built from store-kit, environment and contracts, and knows no other store.',
      severity: 'error',
      from: { path: STORE },
      to: { path: '^src/', pathNot: ['^src/(store-kit|environment|contracts)/', '^src/$1/'] },
    },
    {
      name: 'store-is-seen-by-faces-only',
      comment: 'Only the faces, in the root of src/, import a store.',
      severity: 'error',
      from: { path: `^src/${ANY_ROOM}/` },
      to: { path: STORE, pathNot: '^src/[^/]+/index\\.ts$' },
    },
    {
      name: 'core-knows-no-store',
      comment: '`storagebox/core` loads no store.',
      severity: 'error',
      from: { path: '^src/core\\.ts$' },
      to: { path: STORE },
    },
    {
      name: 'faces-show-no-tools',
      comment: 'An entry point of the library loads neither the command line nor the test suite.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$' },
      to: { path: '^src/(cli|testing)/' },
    },
    {
      name: 'src-stands-alone',
      comment: 'What is published imports nothing of the rest of the repository.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypesNot: ['core'], pathNot: ['^src/', 'node_modules'] },
    },
    {
      name: 'driver-stays-in-its-room',
      comment: 'The library has no dependency besides the drivers of its stores; memory has none.',
      severity: 'error',
      from: {
        path: `^src/(${ROOMS.filter((room) => room !== 'cli').join('|')}|memory)/|^src/[^/]+\\.ts$`,
      },
      to: { path: 'node_modules' },
    },
    {
      name: 'aws-is-of-dynamodb',
      comment: 'No other store imports the AWS SDK.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/stores/)?dynamodb/' },
      to: { path: 'node_modules/(@aws-sdk|@smithy)/' },
    },
    {
      name: 'is-declared',
      comment: 'What is imported is there, and package.json names it.',
      severity: 'error',
      from: { path: '^(src|examples)/' },
      to: {
        dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
        dependencyTypesNot: ['npm-dev', 'npm-peer'],
      },
    },
    {
      name: 'runs-without-node',
      comment: 'What core and memory are made of loads in a browser, too.',
      severity: 'error',
      from: { path: '^src/(contracts|environment|store-kit|hand-out|memory)/|^src/core\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'cli-uses-the-public-api',
      comment: 'The command line imports entry points: a program can do whatever it does.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: ['^src/cli/', '^src/([^/]+/index|[^/]+)\\.ts$'] },
    },
    {
      name: 'commands-see-contracts-only',
      comment: 'Commands know a store by `storagebox/core` and src/cli/stores/store.ts.',
      severity: 'error',
      from: { path: COMMANDS },
      to: { path: '^src/(?!cli/|core\\.ts$)|^src/cli/stores/[^/]+/|node_modules/@aws-sdk/' },
    },
    {
      name: 'command-line-store-knows-no-other',
      comment: 'A folder of src/cli/stores/ imports nothing of another one.',
      severity: 'error',
      from: { path: '^src/cli/stores/([^/]+)/' },
      to: { path: '^src/cli/stores/[^/]+/', pathNot: '^src/cli/stores/$1/' },
    },
    {
      name: 'example-is-code-to-copy',
      comment: 'Examples import the package and each other, and nothing of the tests.',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(test|bench|\\.ci)/|^src/(?![^/]+(/index)?\\.ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types'] },
  },
};
