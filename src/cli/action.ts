// What every command needs: its options, the opened tables, and a signal for Ctrl-C.
import { setMaxListeners } from 'node:events';
import type { Command } from 'commander';
import type { Box } from './box.js';
import type { ExitCode } from './exit-codes.js';
import { Interruption, missingSdk } from './failures.js';
import type { SharedOptions } from './options.js';

export interface Context<Options> extends Box {
  readonly options: SharedOptions & Options;
  readonly isJson: boolean;
  /** Aborted by the first Ctrl-C; the second one ends the process at once. */
  readonly signal: AbortSignal;
}

type Run<Options> = (context: Context<Options>, ...args: readonly string[]) => Promise<ExitCode>;

/** Makes an action of Commander from what a command does. */
export function action<Options = unknown>(run: Run<Options>) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    const args = all.slice(0, -2) as string[];
    const options = command.optsWithGlobals<SharedOptions & Options>();
    const interruption = listenForInterruption();
    let box: Box | undefined;
    try {
      box = await openBox(options);
      const isJson = options.json ?? false;
      const { signal } = interruption;
      process.exitCode = await run({ ...box, options, isJson, signal }, ...args);
    } finally {
      interruption.dispose();
      box?.client.destroy();
      // Do not wait for further input.
      process.stdin.destroy();
    }
  };
}

/** Imported only now, so that the help works without the AWS SDK. */
async function openBox(options: SharedOptions): Promise<Box> {
  try {
    return (await import('./box.js')).openBox(options);
  } catch (error) {
    throw missingSdk(error) ?? error;
  }
}

function listenForInterruption() {
  const controller = new AbortController();
  // Each request under way listens, and a command may have any number of them.
  setMaxListeners(0, controller.signal);
  const interrupt = (signal: NodeJS.Signals) => {
    const reason = new Interruption(signal === 'SIGTERM' ? 'SIGTERM' : 'SIGINT');
    if (controller.signal.aborted) process.exit(reason.exitCode);
    controller.abort(reason);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    },
  };
}
