// Finds the store that a command works on. Each store has a folder of its name here, whose index.ts exports
// its `store`; the build includes every such folder.
import { Command } from 'commander';
import { EXIT_CODES } from '../exit-codes.js';
import { CommandFailure } from '../failures.js';
import type { Store } from './store.js';

const DEFAULT_STORE = 'dynamodb';
const STORE_VARIABLE = 'STORAGE_BOX_STORE';
/** Other names of stores, as URLs have them. */
const ALIASES: Readonly<Record<string, string>> = { postgresql: 'postgres' };
const EXAMPLES = `${DEFAULT_STORE}, postgres://user@host/database, sqlite:./sale.db`;

/** Adds the option by which the store is chosen, for the help; it has been read by then. */
export function addStoreOption(program: Command): void {
  program.option(
    '--store <store>',
    `what holds the items, such as ${EXAMPLES} (default: ${STORE_VARIABLE}, else ${DEFAULT_STORE})`,
  );
}

export interface Choice {
  readonly store: Store;
  /** See `OpenRequest`. */
  readonly location: string;
}

/** Loads the store before all options are parsed, because some of them are the store's own. */
export async function chooseStore(args: readonly string[]): Promise<Choice> {
  const choice = new Command().option('--store <store>').exitOverride();
  choice.configureOutput({ outputError: () => {} }).parseOptions([...args]);
  const text: string = choice.opts().store ?? (process.env[STORE_VARIABLE] || DEFAULT_STORE);
  // Of a URL such as `postgres://…`, its scheme and the rest.
  const [, name, location = ''] = /^([a-z][a-z0-9-]*)(?::(.*))?$/s.exec(text) ?? [];
  if (name === undefined) throw unknownStore();
  try {
    const { store } = await import(`./${ALIASES[name] ?? name}/index.ts`);
    return { store, location };
  } catch (error) {
    throw isMissingFolder(error) ? unknownStore() : error;
  }
}

function unknownStore(): CommandFailure {
  return new CommandFailure({
    code: 'UNKNOWN_STORE',
    message: 'There is no store of the name that --store or STORAGE_BOX_STORE gives.',
    remedy: `Name one, such as ${EXAMPLES}, or leave it out for ${DEFAULT_STORE}.`,
    exitCode: EXIT_CODES.usage,
  });
}

/** As the bundler says it, and as Node.js and vitest do. */
function isMissingFolder(error: unknown): boolean {
  const { message = '' } = error as { readonly message?: string };
  return /^(Module not found in bundle|Cannot find module|Unknown variable dynamic import)/.test(
    message,
  );
}
