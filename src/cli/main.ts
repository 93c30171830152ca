#!/usr/bin/env node
// The command line `storagebox`. It uses only the public API: a program can do whatever it does.
import { CommanderError } from 'commander';
import { EXIT_CODES } from './exit-codes.js';
import { describeFailure } from './failures.js';
import { flush, printFailure } from './output.js';
import { programOn } from './program.js';
import { type Choice, chooseStore } from './stores/choose-store.js';

// Without a listener, an error of either stream would end the process half-way. A failed write to
// standard output is reported to the code that wrote; it does not matter if nobody reads standard error.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

let choice: Choice | undefined;
try {
  choice = await chooseStore(process.argv.slice(2));
  await programOn(choice).parseAsync();
} catch (error) {
  const isHelp = error instanceof CommanderError && error.exitCode === EXIT_CODES.success;
  if (!isHelp) {
    const failure = describeFailure(error, choice?.store.describeFailure);
    printFailure(failure, process.argv.includes('--json'));
    process.exitCode = failure.exitCode;
  }
}

// Exits, because requests of a command that failed or was stopped would keep the process running.
await flush();
process.exit();
