// All commands, on whatever store.
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { addAdd } from './commands/add.js';
import { addAssign } from './commands/assign.js';
import { addAudit } from './commands/audit.js';
import { addConfirm } from './commands/confirm.js';
import { addDoctor } from './commands/doctor.js';
import { addExport } from './commands/export.js';
import { addFetch } from './commands/fetch.js';
import { addFetchAll } from './commands/fetch-all.js';
import { addFillLedger } from './commands/fill-ledger.js';
import { addInit } from './commands/init.js';
import { addRelease } from './commands/release.js';
import { addReleaseExpired } from './commands/release-expired.js';
import { addRetire } from './commands/retire.js';
import { addStatus } from './commands/status.js';
import { addSharedOptions } from './options.js';
import { addStoreOption, type Choice } from './stores/choose-store.js';

const { version } = createRequire(import.meta.url)('storagebox/package.json') as {
  version: string;
};

const COMMANDS = [
  addInit,
  addAdd,
  addFetch,
  addFetchAll,
  addConfirm,
  addAssign,
  addStatus,
  addExport,
  addRelease,
  addReleaseExpired,
  addRetire,
  addAudit,
  addFillLedger,
  addDoctor,
];

export function programOn(choice: Choice): Command {
  const program = new Command('storagebox')
    .description('Gives each user one item, and each item to one user.')
    .version(version)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  addStoreOption(program);
  choice.store.addOptions(program);
  addSharedOptions(program);
  for (const add of COMMANDS) add(program, choice);
  return program;
}
