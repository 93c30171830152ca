// The entry points of the package are listed once, in `exports` of package.json. The build, the tests, the
// snapshots of the public API and the smoke tests derive from that list.
import { existsSync, readFileSync } from 'node:fs';

export interface EntryPoint {
  /** What is imported: `storagebox/memory`. */
  readonly specifier: string;
  /** Of its files in `dist`: `memory`. */
  readonly name: string;
  /** `src/core.ts`, or `src/memory/index.ts` where there is no file of that name. */
  readonly source: string;
}

const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
};

export const ENTRY_POINTS: readonly EntryPoint[] = Object.keys(exports)
  .filter((path) => path !== './package.json')
  .map((path) => {
    const name = path === '.' ? 'index' : path.slice('./'.length);
    return { specifier: `storagebox${path.slice('.'.length)}`, name, source: sourceOf(name) };
  });

function sourceOf(name: string): string {
  const face = `src/${name}.ts`;
  return existsSync(new URL(face, import.meta.url)) ? face : `src/${name}/index.ts`;
}
