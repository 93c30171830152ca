// Asks before an item is taken from somebody.
import { createInterface } from 'node:readline/promises';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';
import { visible } from './visible.js';

export interface AskedTerminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * Asks on a terminal. Anywhere else it refuses, unless `--yes` was given. The question may name an ID:
 * only the person on the terminal, who typed it, gets to see it.
 */
export async function confirm(
  question: string,
  isYesGiven: boolean,
  signal: AbortSignal,
  { input, output }: AskedTerminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (isYesGiven) return;
  if (!input.isTTY || !output.isTTY) {
    throw new CommandFailure({
      code: 'NOT_CONFIRMED',
      message: 'This needs a confirmation, and there is no terminal to ask on.',
      remedy: 'Pass --yes.',
      exitCode: EXIT_CODES.usage,
    });
  }
  const terminal = createInterface({ input, output });
  // In raw mode, Ctrl-C goes to the readline interface and not to the process.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  // Ctrl-D: the question itself would wait forever.
  const hungUp = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([
      terminal.question(`${visible(question)} [y/N] `, { signal }),
      hungUp,
    ]);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
  throw new CommandFailure({
    code: 'NOT_CONFIRMED',
    message: 'Nothing was done.',
    remedy: 'Answer y, or pass --yes.',
    exitCode: EXIT_CODES.usage,
  });
}
