// The package as npm would publish it, in a project of its own. Built aside, so that two runs in one
// checkout do not get into each other's way.
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD_INPUTS = [
  'package.json',
  'tsconfig.json',
  'tsup.config.ts',
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

export async function packPackage(): Promise<PackedPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-package-'));
  const build = join(folder, 'build');
  await copySources(build);
  const { stdout } = await run('npm', ['pack', '--json', '--foreground-scripts=false'], {
    cwd: build,
  });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  const tarball = join(build, packed.filename);
  return {
    tarball,
    tarballBytes: packed.size,
    files: packed.files.map(({ path }) => path),
    project: await makeProject(join(folder, 'project'), tarball, [
      '@aws-sdk/client-dynamodb',
      '@types',
    ]),
    projectWithoutPeers: await makeProject(join(folder, 'project-without-peers'), tarball, []),
    dispose: () => rm(folder, { recursive: true }),
  };
}

/** What a build needs, in a folder of its own. */
export async function copySources(build: string): Promise<void> {
  for (const input of BUILD_INPUTS) {
    await cp(join(ROOT, input), join(build, input), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(build, 'node_modules'));
}

async function makeProject(
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
