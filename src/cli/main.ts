#!/usr/bin/env node
// The command line `storagebox`. It uses only the public API: a program can do whatever it does.
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { addAdd } from './commands/add.js';
import { addAssign } from './commands/assign.js';
import { addAudit } from './commands/audit.js';
import { addDoctor } from './commands/doctor.js';
import { addExport } from './commands/export.js';
import { addFetch } from './commands/fetch.js';
import { addFillLedger } from './commands/fill-ledger.js';
import { addInit } from './commands/init.js';
import { addRelease } from './commands/release.js';
import { addRetire } from './commands/retire.js';
import { addStatus } from './commands/status.js';
import { EXIT_CODES } from './exit-codes.js';
import { describeFailure } from './failures.js';
import { addSharedOptions } from './options.js';
import { flush, printFailure } from './output.js';
import { addStoreOption, chooseStore } from './stores/choose-store.js';
import type { Store } from './stores/store.js';

const { version } = createRequire(import.meta.url)('storagebox/package.json') as {
  version: string;
};

// Without a listener, an error of either stream would end the process half-way. A failed write to
// standard output is reported to the code that wrote; it does not matter if nobody reads standard error.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

const COMMANDS = [
  addInit,
  addAdd,
  addFetch,
  addAssign,
  addStatus,
  addExport,
  addRelease,
  addRetire,
  addAudit,
  addFillLedger,
  addDoctor,
];

let store: Store | undefined;
try {
  store = await chooseStore(process.argv.slice(2));
  await programOn(store).parseAsync();
} catch (error) {
  const isHelp = error instanceof CommanderError && error.exitCode === EXIT_CODES.success;
  if (!isHelp) {
    const failure = describeFailure(error, store?.describeFailure);
    printFailure(failure, process.argv.includes('--json'));
    process.exitCode = failure.exitCode;
  }
}

// Exits, because requests of a command that failed or was stopped would keep the process running.
await flush();
process.exit();

function programOn(chosen: Store): Command {
  const program = new Command('storagebox')
    .description('Gives each user one item, and each item to one user.')
    .version(version)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  addStoreOption(program);
  chosen.addOptions(program);
  addSharedOptions(program);
  for (const add of COMMANDS) add(program, chosen);
  return program;
}
