// A page about a store, and the files that it shows.
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packPackage, ROOT } from './packed-package.js';

const run = promisify(execFile);

export interface StoreGuide {
  readonly text: string;
  /** What the compiler says; empty if nothing. */
  typeErrors(): Promise<string>;
  /** What one of its files prints. */
  run(file: string): Promise<string>;
  /** What code beside its files prints. */
  runCode(code: string): Promise<string>;
  dispose(): Promise<void>;
}

/** @param packages what a reader installs besides, and types */
export async function storeGuide(
  page: string,
  packages: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<StoreGuide> {
  const packed = await packPackage();
  for (const name of packages) {
    const place = join(packed.project, 'node_modules', name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), place).catch((error: { code?: string }) => {
      // All types are there already.
      if (error.code !== 'EEXIST') throw error;
    });
  }
  const cwd = join(packed.project, 'guide');
  await mkdir(cwd);
  const text = await readFile(join(ROOT, page), 'utf8');
  const files = [...text.matchAll(/^```ts ([\w.-]+)\n(.*?)^```$/gms)];
  for (const [, file, code] of files) await writeFile(join(cwd, String(file)), String(code));
  const runFile = async (file: string) => {
    const args = ['--import', import.meta.resolve('tsx'), file];
    const env = { ...process.env, ...environment };
    return (await run(process.execPath, args, { cwd, env })).stdout;
  };
  return {
    text,
    typeErrors: async () => {
      const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
      const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck'];
      const target = ['--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
      const names = files.map(([, file]) => String(file));
      return run(process.execPath, [compiler, ...options, ...target, ...names], { cwd }).then(
        ({ stdout }) => stdout,
        ({ stdout }: { stdout: string }) => stdout,
      );
    },
    run: runFile,
    runCode: async (code) => {
      await writeFile(join(cwd, 'visit.ts'), code);
      return runFile('visit.ts');
    },
    dispose: () => packed.dispose(),
  };
}
