// The package as npm would publish it, in a project of its own. Built aside, so that two runs in one
// checkout do not get into each other's way, and once for all tests of a run.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build as bundle } from 'tsup';

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD_INPUTS = [
  'package.json',
  'tsconfig.json',
  'tsup.config.ts',
  'entry-points.ts',
  'src',
  'docs',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
];

export interface PackedPackage {
  readonly tarball: string;
  readonly tarballBytes: number;
  /** What is in the tarball, relative to the package. */
  readonly files: readonly string[];
  /** A project in which the package and its peer are installed. */
  readonly project: string;
  /** A project in which the package is installed without its peer. */
  readonly projectWithoutPeers: string;
  dispose(): Promise<void>;
}

/** Names the folder of the one build that the tests of a run share; unset: each build is its own. */
export const SHARED_BUILD_VARIABLE = 'STORAGE_BOX_TEST_BUILD_FOLDER';

export interface Build {
  /** The sources that were built, with `dist` beside them. */
  readonly folder: string;
  /** The built command line, in front of an SDK that starts fast. */
  readonly commandLine: string;
  readonly tarball: string;
  readonly tarballBytes: number;
  readonly files: readonly string[];
}

export async function packPackage(): Promise<PackedPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-package-'));
  const { tarball, tarballBytes, files } = await buildPackage(folder);
  return {
    tarball,
    tarballBytes,
    files,
    project: await makeProject(join(folder, 'project'), tarball, [
      '@aws-sdk/client-dynamodb',
      '@types',
    ]),
    projectWithoutPeers: await makeProject(join(folder, 'project-without-peers'), tarball, []),
    dispose: () => rm(folder, { recursive: true }),
  };
}

/** The build of this run, or one of its own in the folder where there is no run to share it. */
export async function buildPackage(ownFolder: string): Promise<Build> {
  const shared = process.env[SHARED_BUILD_VARIABLE];
  return shared === undefined ? pack(join(ownFolder, 'build')) : sharedBuild(shared);
}

/** Whoever comes first builds, in whichever process; the others wait for the outcome. */
async function sharedBuild(folder: string): Promise<Build> {
  const outcomeFile = join(folder, 'outcome.json');
  const isFirst = await mkdir(join(folder, 'turn')).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const outcome = await pack(join(folder, 'build')).then(
      (build) => ({ build }),
      (error: unknown) => ({ error: String(error) }),
    );
    await writeFile(`${outcomeFile}.part`, JSON.stringify(outcome));
    await rename(`${outcomeFile}.part`, outcomeFile);
  }
  for (;;) {
    const text = await readFile(outcomeFile, 'utf8').catch(() => null);
    if (text !== null) {
      const { build, error } = JSON.parse(text) as { build?: Build; error?: string };
      if (build === undefined) throw new Error(`The package could not be built: ${error}`);
      return build;
    }
    await sleep(100);
  }
}

async function pack(folder: string): Promise<Build> {
  await copySources(folder);
  const program = join(folder, 'program');
  const [{ stdout }] = await Promise.all([
    run('npm', ['pack', '--json', '--foreground-scripts=false'], { cwd: folder }),
    bundleSdk(join(program, 'node_modules', SDK)),
  ]);
  for (const part of ['dist', 'package.json']) {
    await cp(join(folder, part), join(program, part), { recursive: true });
  }
  for (const driver of DRIVERS) {
    await symlink(join(ROOT, 'node_modules', driver), join(program, 'node_modules', driver));
  }
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  return {
    folder,
    commandLine: join(program, 'dist/cli.js'),
    tarball: join(folder, packed.filename),
    tarballBytes: packed.size,
    files: packed.files.map(({ path }) => path),
  };
}

const SDK = '@aws-sdk/client-dynamodb';
/** Which the command line looks for. */
const DRIVERS = ['better-sqlite3', 'libsql', 'pg', 'postgres'];

/**
 * The same SDK in few files instead of hundreds: tests start the command line hundreds of times, and
 * most of what a start takes is the loading of the SDK. The packed package is tested with the SDK as
 * it is installed.
 */
async function bundleSdk(folder: string): Promise<void> {
  const installed = join(ROOT, 'node_modules', SDK);
  const { module } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  await bundle({
    config: false,
    silent: true,
    entry: { index: join(installed, module) },
    outDir: folder,
    format: 'esm',
    outExtension: () => ({ js: '.mjs' }),
    platform: 'node',
    target: 'node20',
    noExternal: [/./],
    splitting: true,
    minify: true,
    esbuildOptions(options) {
      options.mainFields = ['module', 'main'];
    },
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
  });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: SDK, exports: './index.mjs' }),
  );
}

/** What a build needs, in a folder of its own. */
async function copySources(build: string): Promise<void> {
  for (const input of BUILD_INPUTS) {
    await cp(join(ROOT, input), join(build, input), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(build, 'node_modules'));
}

export async function makeProject(
  project: string,
  tarball: string,
  dependencies: readonly string[],
): Promise<string> {
  const installed = join(project, 'node_modules', 'storagebox');
  await mkdir(installed, { recursive: true });
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  for (const dependency of dependencies) {
    const place = join(project, 'node_modules', dependency);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(ROOT, 'node_modules', dependency), place);
  }
  await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  return project;
}
