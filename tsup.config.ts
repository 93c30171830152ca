import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { defineConfig } from 'tsup';

const OUTPUT = 'dist';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    core: 'src/core.ts',
    memory: 'src/memory/index.ts',
    testing: 'src/testing/index.ts',
  },
  outDir: OUTPUT,
  format: ['esm', 'cjs'],
  target: 'node20',
  dts: true,
  sourcemap: true,
  // Entry points share chunks, so an error class is the same class whichever entry point it came from.
  splitting: true,
  clean: true,
  esbuildOptions(options) {
    // The maps lead to files and lines of the repository; carrying all sources twice (for `import`
    // and for `require`) would double the package.
    options.sourcesContent = false;
    // Names stay, so a stack trace can be read without the maps, too.
    options.minifyWhitespace = true;
  },
  onSuccess: makeMapsRelative,
});

/** Splitting CommonJS leaves the path of the build folder in its maps, which is nobody's business. */
async function makeMapsRelative(): Promise<void> {
  for (const file of await readdir(OUTPUT)) {
    if (!file.endsWith('.cjs.map')) continue;
    const path = join(OUTPUT, file);
    const map = JSON.parse(await readFile(path, 'utf8')) as { sources: string[] };
    map.sources = map.sources.map((source) => (isAbsolute(source) ? basename(source) : source));
    await writeFile(path, JSON.stringify(map));
  }
}
