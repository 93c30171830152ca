// The sessions in docs/command-line.md, typed as they stand into a shell; what comes out is compared.
import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine } from '../support/command-line.js';
import { ROOT } from '../support/packed-package.js';

const docs = await readFile(join(ROOT, 'docs/command-line.md'), 'utf8');
const recorded = [...docs.matchAll(/^```console\n(.*?)^```$/gms)].map(([, text]) => text).join('');

let cli: CommandLine;
beforeAll(async () => {
  cli = await buildCommandLine();
  await writeFile(
    cli.path('storagebox'),
    `#!/bin/sh\nexec "${process.execPath}" "${cli.program}" "$@"\n`,
  );
  await chmod(cli.path('storagebox'), 0o755);
});
afterAll(() => cli.dispose());

/** Who gets which item, and when, differs each time; that the same item stays the same does not. */
function comparable(text: string): string {
  const seen: string[] = [];
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '(time)')
    .replace(/^(given in the last minute |sold out, at this rate ).*\n/gm, '')
    .replace(/,"givenInLastMinute":\d+/g, '')
    .split('\n')
    .map((line) =>
      line.startsWith('$')
        ? line
        : line.replace(/SPRING-\d|\b14[A-E]\b/g, (item) => {
            if (!seen.includes(item)) seen.push(item);
            return `(item ${seen.indexOf(item) + 1})`;
          }),
    )
    .join('\n');
}

test('the sessions print what the docs say', async () => {
  const commands = recorded.split('\n').filter((line) => line.startsWith('$ '));
  const script = commands
    .map((line) => line.slice(2))
    .map((command) => `printf '%s\\n' '$ ${command.replaceAll("'", "'\\''")}'\n${command}\n`)
    .join('');
  const { stdout } = await promisify(execFile)('sh', ['-c', `exec 2>&1\n${script}`], {
    cwd: cli.folder,
    env: { ...cli.environment, LC_ALL: 'C', PATH: `${cli.folder}:${process.env.PATH}` },
  });
  expect(comparable(stdout)).toBe(comparable(recorded));
});
