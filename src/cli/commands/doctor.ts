import type { Command } from 'commander';
import { action } from '../action.js';
import { type Finding, findings } from '../doctor-checks.js';
import { EXIT_CODES } from '../exit-codes.js';
import { print, printJson } from '../output.js';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'Look at the Region, the credentials, the clock, the tables, their keys, their backups and ' +
        'the permissions. Writes nothing.',
    )
    .action(
      action(async (context) => {
        const found: Finding[] = [];
        for await (const finding of findings(context)) {
          found.push(finding);
          if (!context.isJson) await print(textOf(finding));
        }
        const hasFault = found.some(({ level }) => level === 'fault');
        if (context.isJson) await printJson({ findings: found });
        return hasFault ? EXIT_CODES.setUp : EXIT_CODES.success;
      }),
    );
}

function textOf({ level, subject, message, remedy }: Finding): string {
  const text = `${level.padEnd(8)} ${subject.padEnd(19)} ${message}`;
  return remedy === null ? text : `${text}\n${' '.repeat(9)}remedy: ${remedy}`;
}
