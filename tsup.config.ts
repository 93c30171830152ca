import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import { defineConfig, type Options } from 'tsup';

const OUTPUT = 'dist';
const COMMAND_LINE = 'cli.js';
const COMMAND_LINE_CHUNKS = 'cli';
const NOTICES = 'cli.LICENSES.txt';

const library: Options = {
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
  // Both builds run at the same time.
  clean: [`!${COMMAND_LINE}`, `!${COMMAND_LINE_CHUNKS}/**`, `!${NOTICES}`],
  esbuildOptions(options) {
    // The maps lead to files and lines of the repository; carrying all sources twice (for `import`
    // and for `require`) would double the package.
    options.sourcesContent = false;
    // Names stay, so a stack trace can be read without the maps, too.
    options.minifyWhitespace = true;
  },
  onSuccess: makeMapsRelative,
};

/**
 * A program of its own, which uses the library as any other program does, by its name. What it needs
 * besides is inside, so that nobody who imports the library installs or loads any of it.
 */
const commandLine: Options = {
  entry: { cli: 'src/cli/main.ts' },
  outDir: OUTPUT,
  format: ['esm'],
  target: 'node20',
  minify: true,
  external: [/^storagebox($|\/)/],
  // What needs the AWS SDK is loaded when a command runs, so that the help works without it.
  splitting: true,
  esbuildOptions(options) {
    options.chunkNames = `${COMMAND_LINE_CHUNKS}/[name]-[hash]`;
  },
  banner: {
    // The argument parser is CommonJS.
    js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
  },
  esbuildPlugins: [
    {
      name: 'third-party-notices',
      setup(build) {
        build.initialOptions.metafile = true;
        build.onStart(() => rm(join(OUTPUT, COMMAND_LINE_CHUNKS), { recursive: true, force: true }));
        build.onEnd(({ metafile }) => writeNotices(Object.keys(metafile?.inputs ?? {})));
      },
    },
  ],
};

export default defineConfig([library, commandLine]);

/** The licences of what is bundled ask for their text to come along. */
async function writeNotices(inputs: readonly string[]): Promise<void> {
  const packages = new Set(
    inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []),
  );
  const notices = await Promise.all(
    [...packages].sort().map(async (name) => {
      const licence = await readFile(join('node_modules', name, 'LICENSE'), 'utf8');
      return `${COMMAND_LINE} contains ${name}:\n\n${licence.trim()}\n`;
    }),
  );
  await mkdir(OUTPUT, { recursive: true });
  await writeFile(join(OUTPUT, NOTICES), notices.join('\n---\n\n'));
}

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
