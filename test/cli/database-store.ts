// The command line on a database of its own, and what somebody else does to that database.
import type { BuiltCommandLine } from '../support/built-command-line.js';

export type Row = Readonly<Record<string, unknown>>;

export interface DatabaseStore {
  readonly cli: BuiltCommandLine;
  /** As in `--store`. */
  readonly url: string;
  /** The tables that commands use when none is named. */
  readonly bank: string;
  readonly assignments: string;
  /** A moment of long ago, in SQL. */
  readonly longAgo: string;
  /** The moment so many minutes ago, in SQL. */
  minutesAgo(minutes: number): string;
  /** Runs a statement on a connection of its own. */
  run(sql: string): Promise<readonly Row[]>;
  dispose(): Promise<void>;
}

export const BANK = 'storage_box_item_bank';
export const DEDUPLICATION = 'storage_box_deduplication_table';

/** Puts back items that have entered, in SQL, as somebody may do by hand. */
export function puttingBack(condition: string): string {
  return `insert into ${BANK} (item) select item from ${BANK}_ledger where ${condition} on conflict do nothing`;
}

/** After `init`, with these items. */
export async function withItems<Store extends DatabaseStore>(
  store: Store,
  items: readonly string[] = [],
): Promise<Store> {
  await expectSuccess(store.cli, ['init']);
  if (items.length > 0) await expectSuccess(store.cli, ['add', '-', '--as-is'], items.join('\n'));
  return store;
}

async function expectSuccess(
  cli: BuiltCommandLine,
  args: readonly string[],
  input = '',
): Promise<void> {
  const { exitCode, stderr } = await cli.run(args, { input });
  if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}: ${stderr}`);
}

/** IDs and items. */
export async function given({ run, assignments }: DatabaseStore): Promise<Record<string, string>> {
  const rows = await run(`select deduplication_id, item from ${assignments}`);
  return Object.fromEntries(rows.map(({ deduplication_id: id, item }) => [id, String(item)]));
}

export async function freeItems({ run, bank }: DatabaseStore): Promise<string[]> {
  const rows = await run(`select item from ${bank} order by item`);
  return rows.map(({ item }) => String(item));
}
