// What every command needs: its options, a signal for Ctrl-C, and its store, opened when it is needed.
import { setMaxListeners } from 'node:events';
import type { Command, OptionValues } from 'commander';
import type { ExitCode } from './exit-codes.js';
import { describeFailure, type Failure, Interruption } from './failures.js';
import type { SharedOptions } from './options.js';
import { note } from './output.js';
import type { Choice } from './stores/choose-store.js';
import type { Finding, OpenStore } from './stores/store.js';

export interface Invocation<Options> {
  readonly options: SharedOptions & Options;
  readonly isJson: boolean;
  /** Aborted by the first Ctrl-C; the second one ends the process at once. */
  readonly signal: AbortSignal;
  /**
   * Opens the store that the options name. Call it when everything else has been checked, so that a
   * mistyped file name is told first.
   *
   * @param isCreating whether the command is there to create what does not exist yet
   */
  readonly open: (isCreating?: boolean) => Promise<OpenStore>;
  /** Opens it for a command that takes IDs: first makes sure that the store keeps them as the options say. */
  readonly openForIds: () => Promise<OpenStore>;
  /** What can be wrong with the set-up. */
  readonly examine: () => AsyncGenerator<Finding, void, void>;
  readonly describeFailure: (error: unknown) => Failure;
}

type Run<Options> = (
  invocation: Invocation<Options>,
  ...args: readonly string[]
) => Promise<ExitCode>;

/** Makes an action of Commander from what a command does. */
export function action<Options = unknown>({ store, location }: Choice, run: Run<Options>) {
  return async (...all: unknown[]): Promise<void> => {
    const command = all.at(-1) as Command;
    const args = all.slice(0, -2).flat() as string[];
    const options: OptionValues = command.optsWithGlobals();
    const { signal, dispose } = listenForInterruption();
    let opened: OpenStore | undefined;
    // Only the commands that take an item back have the option.
    const { releaseBank: releaseBanks = [] } = options;
    const request = { location, options, releaseBanks, signal };
    const open = async (isCreating = false) => {
      opened ??= await store.open({ ...request, isCreating });
      return opened;
    };
    const openForIds = async () => {
      const store = await open();
      const reason = await store.assertIdsAreOurs();
      if (reason !== null && !options.json) note(reason);
      return store;
    };
    try {
      process.exitCode = await run(
        {
          options: options as SharedOptions & Options,
          isJson: options.json ?? false,
          signal,
          open,
          openForIds,
          examine: () => store.examine({ ...request, isCreating: false }),
          describeFailure: (error) => describeFailure(error, store.describeFailure),
        },
        ...args,
      );
    } finally {
      dispose();
      await opened?.close();
      // Do not wait for further input.
      process.stdin.destroy();
    }
  };
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
