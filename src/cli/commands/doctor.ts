import type { Command } from 'commander';
import { action } from '../action.js';
import type { Finding } from '../doctor-checks.js';
import { EXIT_CODES } from '../exit-codes.js';
import { print, printJson } from '../output.js';
import { untilAborted } from '../until-aborted.js';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'Check the Region, the credentials, the clock, the tables, their keys, their backups and ' +
        'the permissions. Writes nothing.',
    )
    .action(
      action(async (context) => {
        const { findings } = await import('../doctor-checks.js');
        const found: Finding[] = [];
        const examination = findings(context);
        for (;;) {
          const { value: finding, done } = await untilAborted(examination.next(), context.signal);
          if (done) break;
          found.push(finding);
          if (!context.isJson) await print(...linesOf(finding));
        }
        const hasFault = found.some(({ level }) => level === 'fault');
        if (context.isJson) await printJson({ findings: found });
        return hasFault ? EXIT_CODES.setUp : EXIT_CODES.success;
      }),
    );
}

function linesOf({ level, subject, message, remedy }: Finding): string[] {
  const line = `${level.padEnd(8)} ${subject.padEnd(19)} ${message}`;
  return remedy === null ? [line] : [line, `${' '.repeat(9)}remedy: ${remedy}`];
}
