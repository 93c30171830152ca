import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import { ENTRY_POINTS } from './entry-points.js';

const OUTPUT = 'dist';
const COMMAND_LINE = 'cli.js';
const COMMAND_LINE_CHUNKS = 'cli';
const NOTICES = 'cli.LICENSES.txt';

const library: Options = {
  entry: Object.fromEntries(ENTRY_POINTS.map(({ name, source }) => [name, source])),
  outDir: OUTPUT,
  format: ['esm', 'cjs'],
  target: 'node20',
  dts: true,
  sourcemap: true,
  // Entry points share chunks, so an error class is the same class whichever entry point it came from.
  splitting: true,
  // Both builds run at the same time.
  clean: [`!${COMMAND_LINE}`, `!${COMMAND_LINE_CHUNKS}/**`, `!${NOTICES}`],
  // Rollup makes the CommonJS of the split chunks, with maps that lead to the sources. What tsup does
  // by itself leads to nothing.
  treeshake: true,
  esbuildOptions(options) {
    // The sources come along, once for both builds.
    options.sourcesContent = false;
  },
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
        build.onStart(() =>
          rm(join(OUTPUT, COMMAND_LINE_CHUNKS), { recursive: true, force: true }),
        );
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
