#!/usr/bin/env node
// The command line `storagebox`. It stands on the public API: what it can do, a program can do.
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { addAdd } from './commands/add.js';
import { addAssign } from './commands/assign.js';
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
import { printFailure } from './output.js';

const { version } = createRequire(import.meta.url)('storagebox/package.json') as {
  version: string;
};

const program = new Command('storagebox')
  .description('Hands out each of N unique items at most once per ID, exactly, on DynamoDB.')
  .version(version)
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({ outputError: () => {} })
  .exitOverride();
addSharedOptions(program);
for (const add of [
  addInit,
  addAdd,
  addFetch,
  addAssign,
  addStatus,
  addExport,
  addRelease,
  addRetire,
  addFillLedger,
  addDoctor,
]) {
  add(program);
}

// A failure to write is told to whoever writes; without this the process would end in its midst.
process.stdout.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  const isHelp = error instanceof CommanderError && error.exitCode === EXIT_CODES.success;
  if (!isHelp) {
    const failure = describeFailure(error);
    printFailure(failure, process.argv.includes('--json'));
    process.exitCode = failure.exitCode;
  }
}
