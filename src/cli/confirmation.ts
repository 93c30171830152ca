// Nothing is taken from anybody by mistake.
import { createInterface } from 'node:readline/promises';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';

export interface AskedTerminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Asks on a terminal; elsewhere refuses, unless the answer was given beforehand by `--yes`. */
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
      message: `${question} Nobody is here to be asked.`,
      remedy: 'Pass --yes.',
      exitCode: EXIT_CODES.usage,
    });
  }
  const terminal = createInterface({ input, output });
  // A terminal in raw mode gives Ctrl-C to the reader and not to the process.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  // Ctrl-D: the question itself would wait for ever.
  const hungUp = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([
      terminal.question(`${question} [y/N] `, { signal }),
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
