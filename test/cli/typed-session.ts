// The sessions in docs/command-line.md, typed as they stand into a shell. Blocks that name stores are typed on these
// alone, all others on every store.
import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BuiltCommandLine } from '../support/built-command-line.js';
import { ROOT } from '../support/packed-package.js';

export interface Session {
  /** What the docs say, and what was printed: both without what differs each time. */
  readonly recorded: string;
  readonly printed: string;
}

/** @param inPlaceOf parts of commands that are other ones here, such as the address of a server */
export async function typedSession(
  cli: BuiltCommandLine,
  store: 'dynamodb' | 'sqlite' | 'postgres',
  inPlaceOf: Readonly<Record<string, string>> = {},
): Promise<Session> {
  const docs = await readFile(join(ROOT, 'docs/command-line.md'), 'utf8');
  const blocks = [...docs.matchAll(/^```console([^\n]*)\n(.*?)^```$/gms)];
  const isOfStore = ([, stores = '']: RegExpExecArray) =>
    stores.trim() === '' || stores.trim().split(' ').includes(store);
  const recorded = blocks.filter(isOfStore).map(([, , text]) => text);
  const program = cli.path('storagebox');
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${cli.program}" "$@"\n`);
  await chmod(program, 0o755);
  const commands = recorded
    .join('')
    .split('\n')
    .filter((line) => line.startsWith('$ '));
  const script = commands
    .map((line) => `printf '%s\\n' '${line.replaceAll("'", "'\\''")}'\n${typed(line, inPlaceOf)}\n`)
    .join('');
  const { stdout } = await promisify(execFile)('sh', ['-c', `exec 2>&1\n${script}`], {
    cwd: cli.folder,
    env: { ...cli.environment, LC_ALL: 'C', PATH: `${cli.folder}:${process.env.PATH}` },
  });
  return { recorded: comparable(recorded.join('')), printed: comparable(stdout) };
}

function typed(line: string, inPlaceOf: Readonly<Record<string, string>>): string {
  let command = line.slice('$ '.length);
  for (const [part, other] of Object.entries(inPlaceOf)) command = command.replaceAll(part, other);
  return command;
}

/** Who gets which item, and when, differs each time; that the same item stays the same does not. */
function comparable(text: string): string {
  const seen: string[] = [];
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '(time)')
    .replace(/^(given in the last minute |sold out, at this rate ).*\n/gm, '')
    .replace(/,"givenInLastMinute":\d+/g, '')
    .replace(MACHINE, '$1(of this machine)')
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

/** What `doctor` says of drivers, versions, paths and sizes. */
const MACHINE =
  /^(ok {7}(?:driver|server|SQLite|file|disk|connections) +)(?!it and|the file|each).*$/gm;
