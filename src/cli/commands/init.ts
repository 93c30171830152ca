import type { Command } from 'commander';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { print, printJson } from '../output.js';
import type { Choice } from '../stores/choose-store.js';
import type { InitializedTable } from '../stores/store.js';
import { untilAborted } from '../until-aborted.js';

export function addInit(program: Command, choice: Choice): void {
  program
    .command('init')
    .description('Create the tables that do not exist yet. Does not change the others.')
    .action(
      action(choice, async ({ open, isJson, signal }) => {
        const { init } = await open(true);
        const tables = await untilAborted(init(), signal);
        if (isJson) await printJson({ tables });
        else await print(...tables.map(textOf));
        return EXIT_CODES.success;
      }),
    );
}

function textOf({ tableName, isCreated }: InitializedTable): string {
  return `${isCreated ? 'created' : 'exists '}  ${tableName}`;
}
