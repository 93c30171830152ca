import type { Command } from 'commander';
import { action } from '../action.js';
import { EXIT_CODES } from '../exit-codes.js';
import { print, printJson } from '../output.js';
import { untilAborted } from '../until-aborted.js';

export function addInit(program: Command): void {
  program
    .command('init')
    .description(
      'Create the tables that do not exist yet, with on-demand capacity. Does not change the others.',
    )
    .action(
      action(async ({ client, options, ledgerTableName, isJson, signal }) => {
        const { createTables, deduplicationTable, itemBankTable, ledgerTable } = await import(
          'storagebox'
        );
        const definitions = [
          itemBankTable(options.itemBankTable),
          deduplicationTable(options.deduplicationTable),
          ...(ledgerTableName === undefined ? [] : [ledgerTable(ledgerTableName)]),
        ];
        const created = await untilAborted(createTables(definitions, { client }), signal);
        const tables = definitions.map(({ TableName: tableName = '' }) => ({
          tableName,
          isCreated: created.includes(tableName),
        }));
        if (isJson) await printJson({ tables });
        else await print(...tables.map(textOf));
        return EXIT_CODES.success;
      }),
    );
}

function textOf({ tableName, isCreated }: { tableName: string; isCreated: boolean }): string {
  return `${isCreated ? 'created' : 'exists '}  ${tableName}`;
}
