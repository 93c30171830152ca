// 30 voucher codes, 100 users who click the button 3 times each at the same moment, 4 servers.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { audit } from './audit.js';
import { messageOf } from './child-message.js';
import { chooseStore } from './choose-store.js';
import type { Report, Start } from './messages.js';
import { printReport } from './print.js';
import { STORES } from './stores/index.js';
import type { OpenStore } from './stores/store.js';

const VOUCHERS = 30;
const USERS = 100;
const CLICKS_PER_USER = 3;
const SERVERS = 4;

// So that what was started for the sale is stopped, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const { name: store, text } = await chooseStore(process.argv.slice(2)).catch(giveUp);
console.log(`Store: ${text}.`);
const { start, open } = await STORES[store].load();
const { location, stop } = await start().catch(giveUp);
try {
  process.exitCode = await runSale(open(location));
} finally {
  await stop();
}

/** For what the reader can mend: no stack. */
function giveUp(error: Error): never {
  console.error(error.message);
  process.exit(1);
}

async function runSale({ itemRepo, deduplicationRepo, close }: OpenStore): Promise<number> {
  const voucherCodes = Array.from({ length: VOUCHERS }, newVoucherCode);
  const { added } = await itemRepo.batchAddItems(voucherCodes);
  console.log(
    `${added} voucher codes in the bank. ${USERS} users click the button ` +
      `${CLICKS_PER_USER} times each, on ${SERVERS} servers at once …\n`,
  );
  const { reports, failures, elapsedMs } = await rush();
  const clicks = reports.flatMap((report) => report.clicks);
  const left: string[] = [];
  for await (const item of itemRepo.listItems()) left.push(item);
  const owners = new Map<string, string>();
  for await (const { deduplicationId, item } of deduplicationRepo.listAssignments()) {
    owners.set(deduplicationId, item);
  }
  await close();
  const tables = { seeded: voucherCodes, left, owners };
  const checks = audit(clicks, tables);
  printReport({ reports, failures, tables, checks, users: USERS, elapsedMs });
  return failures.length === 0 && checks.every(({ holds }) => holds) ? 0 : 1;
}

interface Rush {
  readonly reports: readonly Report[];
  /** Of servers that ended before they had answered. */
  readonly failures: readonly Error[];
  readonly elapsedMs: number;
}

/** All clicks of all users at the same moment, spread over the servers. */
async function rush(): Promise<Rush> {
  const clicks = Array.from(
    { length: USERS * CLICKS_PER_USER },
    (_, click) => `user-${String((click % USERS) + 1).padStart(3, '0')}`,
  );
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, async (_, server) => {
      const child = fork(fileURLToPath(new URL('node.ts', import.meta.url)));
      // Sends the clicks of one user to different servers.
      const mine = clicks.filter(
        (_, click) => (click + Math.floor(click / USERS)) % SERVERS === server,
      );
      child.send({ store, location, userIds: mine } satisfies Start);
      await messageOf(child);
      return child;
    }),
  );
  const startMs = performance.now();
  const reports: Report[] = [];
  const failures: Error[] = [];
  await Promise.all(
    servers.map(async (child) => {
      child.send('go');
      await messageOf(child).then(
        (report) => reports.push(report as Report),
        (error: Error) => failures.push(error),
      );
    }),
  );
  return { reports, failures, elapsedMs: performance.now() - startMs };
}

function newVoucherCode(): string {
  return `MOVIE-${randomBytes(4).toString('hex').toUpperCase()}`;
}
