// What other transactions can do while a claim is under way, step by step.
import pg from 'pg';
import { Deduplicator, onStorageBoxEvent, type StorageBoxEvent } from 'storagebox/postgres';
import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { freshPair } from '../../support/postgres-storage.js';

const url = inject('postgresUrl');
const pool = new pg.Pool({ connectionString: url });
afterAll(() => pool.end());

/** A connection of its own, with an open transaction. */
async function begun(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('begin');
  return client;
}

async function sale(items: readonly string[]) {
  const pair = await freshPair(pool);
  const deduplicator = new Deduplicator(pair.open());
  await deduplicator.addItemsToBank(items);
  const free = async () => {
    const { rows } = await pool.query(`select item from "${pair.bank}" order by item`);
    return rows.map(({ item }) => item);
  };
  return { ...pair, deduplicator, free };
}

/** Resolves once a backend waits for a lock, so that the test can go on from there. */
async function untilSomebodyWaits(table: string): Promise<void> {
  const text = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like $1`;
  for (;;) {
    const { rows } = await pool.query(text, [`%${table}%`]);
    if (rows.length > 0) return;
  }
}

function obstacles(): string[] {
  const types: string[] = [];
  const listener = ({ type }: StorageBoxEvent) => types.push(type);
  onTestFinished(onStorageBoxEvent(listener));
  return types;
}

describe('an ID that another transaction is about to give an item', () => {
  const assignTo = (ids: string, user: string, item: string) =>
    `insert into "${ids}" (deduplication_id, item, assigned_at) values ('${user}', '${item}', now())`;

  test('gets no second one: the claim waits, and takes nothing', async () => {
    const { deduplicator, ids, free } = await sale(['voucher-1', 'voucher-2']);
    const other = await begun();
    await other.query(assignTo(ids, 'user-1', 'of-another-bank'));
    const claim = deduplicator.claim('user-1');
    await untilSomebodyWaits(ids);
    await other.query('commit');
    expect(await claim).toMatchObject({ status: 'existing', item: 'of-another-bank' });
    expect(await free()).toEqual(['voucher-1', 'voucher-2']);
  });

  test('gets its item when that transaction rolls back', async () => {
    const { deduplicator, ids, free } = await sale(['voucher-1']);
    const other = await begun();
    await other.query(assignTo(ids, 'user-1', 'of-another-bank'));
    const claim = deduplicator.claim('user-1');
    await untilSomebodyWaits(ids);
    await other.query('rollback');
    expect(await claim).toMatchObject({ status: 'claimed', item: 'voucher-1' });
    expect(await free()).toEqual([]);
  });

  test('holds up nobody else of its group', async () => {
    const { deduplicator, ids } = await sale(Array.from({ length: 100 }, (_, n) => `voucher-${n}`));
    const other = await begun();
    await other.query(assignTo(ids, 'user-50', 'of-another-bank'));
    const types = obstacles();
    const users = Array.from({ length: 100 }, (_, n) => `user-${n}`);
    let isHeldUpServed = false;
    const claims = users.map((user) => deduplicator.claim(user));
    const heldUp = (claims[50] as (typeof claims)[number]).then((result) => {
      isHeldUpServed = true;
      return result;
    });
    const others = await Promise.all(claims.filter((_, n) => n !== 50));
    expect(others.every(({ status }) => status === 'claimed')).toBe(true);
    expect(isHeldUpServed).toBe(false);
    expect(types).toContain('contention');
    await other.query('commit');
    expect(await heldUp).toMatchObject({ status: 'existing', item: 'of-another-bank' });
  });

  test('that never ends its transaction ends the claim, by a typed error', async () => {
    const { deduplicator, ids, free } = await sale(['voucher-1']);
    const other = await begun();
    await other.query(assignTo(ids, 'user-1', 'of-another-bank'));
    await expect(deduplicator.claim('user-1')).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
      cause: { code: '55P03' },
    });
    expect(await free()).toEqual(['voucher-1']);
  });
});

describe('the last item, locked by another transaction', () => {
  test('is not sold out: it goes to the claim when the other rolls back', async () => {
    const { deduplicator, bank } = await sale(['voucher-1']);
    const other = await begun();
    await other.query(`delete from "${bank}"`);
    const types = obstacles();
    let isServed = false;
    const claim = deduplicator.claim('user-1').finally(() => {
      isServed = true;
    });
    await expect.poll(() => types).toContain('contention');
    expect(isServed).toBe(false);
    await other.query('rollback');
    expect(await claim).toMatchObject({ item: 'voucher-1' });
    expect(types).not.toContain('exhausted');
  });

  test('is sold out once the other has committed', async () => {
    const { deduplicator, bank } = await sale(['voucher-1']);
    const other = await begun();
    await other.query(`delete from "${bank}"`);
    const claim = deduplicator.claim('user-1');
    await other.query('commit');
    expect(await claim).toEqual({ status: 'exhausted', item: null });
  });

  test('makes a chosen claim wait: taken or claimed, as the other ends', async () => {
    for (const end of ['commit', 'rollback']) {
      const { deduplicator, bank } = await sale(['seat-1']);
      const other = await begun();
      await other.query(`delete from "${bank}"`);
      const claim = deduplicator.claim('user-1', { item: 'seat-1' });
      await untilSomebodyWaits(bank);
      await other.query(end);
      const status = end === 'commit' ? 'taken' : 'claimed';
      expect(await claim).toMatchObject({ status });
    }
  });

  test('makes a group wait, which then gets all or nothing', async () => {
    for (const end of ['commit', 'rollback']) {
      const { deduplicator, bank, free } = await sale(['seat-1', 'seat-2']);
      const other = await begun();
      await other.query(`delete from "${bank}" where item = 'seat-2'`);
      const claim = deduplicator.claimAll(['order/1', 'order/2']);
      await untilSomebodyWaits(bank);
      await other.query(end);
      const { status } = await claim;
      expect(status).toBe(end === 'commit' ? 'exhausted' : 'claimed');
      expect(await free()).toEqual(end === 'commit' ? ['seat-1'] : []);
    }
  });
});

describe('claims that travel together', () => {
  const users = (count: number) => Array.from({ length: count }, (_, n) => `user-${n}`);
  const items = (count: number) => Array.from({ length: count }, (_, n) => `voucher-${n}`);

  test('are new ones and repeats, and each learns what became of itself', async () => {
    const { deduplicator, free } = await sale(items(60));
    const before = await Promise.all(users(30).map((user) => deduplicator.claim(user)));
    const types = obstacles();
    const after = await Promise.all(users(60).map((user) => deduplicator.claim(user)));
    expect(after.slice(0, 30)).toEqual(before.map((told) => ({ ...told, status: 'existing' })));
    expect(after.slice(30).every(({ status }) => status === 'claimed')).toBe(true);
    expect(new Set(after.map(({ item }) => item)).size).toBe(60);
    expect(await free()).toEqual([]);
    expect(types).not.toContain('contention');
  });

  test('find the items before the place where they begin to look, in nobody’s way', async () => {
    const { deduplicator, free } = await sale(items(80));
    const types = obstacles();
    for (let first = 0; first < 40; first += 8) {
      const some = users(40).slice(first, first + 8);
      const told = await Promise.all(some.map((user) => deduplicator.claim(user)));
      expect(told.every(({ status }) => status === 'claimed')).toBe(true);
      const group = await deduplicator.claimAll(some.map((user) => `${user} again`));
      expect(group.status).toBe('claimed');
    }
    expect(await free()).toEqual([]);
    expect(types).not.toContain('contention');
  });
});

describe('stricter isolation levels by default', () => {
  test.each(['repeatable read', 'serializable'])(
    '%s: all calls at once are served',
    async (level) => {
      const strict = new pg.Pool({
        connectionString: url,
        options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`,
      });
      onTestFinished(() => strict.end());
      const { open } = await sale(Array.from({ length: 40 }, (_, n) => `voucher-${n}`));
      const nodes = Array.from({ length: 8 }, () => new Deduplicator(open(strict)));
      const users = Array.from({ length: 50 }, (_, n) => `user-${n}`);
      const calls = users.flatMap((user) => nodes.map((node) => node.claim(user)));
      const results = await Promise.all(calls);
      expect(results.filter(({ status }) => status === 'claimed')).toHaveLength(40);
      const released = await Promise.all(
        users.map((user, n) => nodes[n % 8]?.releaseItemForDeduplicationId(user)),
      );
      expect(released.filter((item) => item != null)).toHaveLength(40);
      const groups = await Promise.all(
        nodes.map((node, n) => node.claimAll([1, 2, 3, 4, 5].map((seat) => `order-${n}/${seat}`))),
      );
      expect(groups.every(({ status }) => status === 'claimed')).toBe(true);
    },
  );
});

test('groups of the same IDs in any order do not deadlock', async () => {
  const { open } = await sale(Array.from({ length: 100 }, (_, n) => `voucher-${n}`));
  const deadlocks = async () => {
    const { rows } = await pool.query(
      'select deadlocks::int from pg_stat_database where datname = current_database()',
    );
    return rows[0].deadlocks;
  };
  const before = await deadlocks();
  const users = Array.from({ length: 100 }, (_, n) => `user-${n}`);
  const pools = Array.from({ length: 4 }, () => new pg.Pool({ connectionString: url, max: 2 }));
  onTestFinished(async () => {
    await Promise.all(pools.map((each) => each.end()));
  });
  const calls = pools.flatMap((each, n) => {
    const node = new Deduplicator(open(each));
    const order = n % 2 === 0 ? users : users.toReversed();
    return order.map((user) => node.claim(user));
  });
  const results = await Promise.all(calls);
  expect(results.filter(({ status }) => status === 'claimed')).toHaveLength(100);
  // The counters are written when a backend ends.
  await Promise.all(pools.map((each) => each.query('select 1')));
  expect(await deadlocks()).toBe(before);
});

describe('a late statement', () => {
  test('of a release ends no later assignment of the same item to the same ID', async () => {
    const { deduplicator, ids, open } = await sale(['voucher-1']);
    await deduplicator.claim('user-1');
    // Holds the row until the release has read it and waits.
    const other = await begun();
    await other.query(`select 1 from "${ids}" for update`);
    const release = new Deduplicator(open()).releaseItemForDeduplicationId('user-1');
    await untilSomebodyWaits(ids);
    // Meanwhile released and claimed again, as far as anybody can see.
    await other.query(`update "${ids}" set version = default`);
    await other.query('commit');
    // It has read again, so it ends what is there now, and says so.
    expect(await release).toBe('voucher-1');
    expect(await deduplicator.claim('user-1')).toMatchObject({ status: 'claimed' });
  });

  test('of a sweep leaves a hold that was confirmed since', async () => {
    const { deduplicator, ids } = await sale(['voucher-1']);
    await deduplicator.claim('user-1', { holdForMs: 1 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const other = await begun();
    await other.query(`update "${ids}" set held_until = null, version = default`);
    const sweep = deduplicator.releaseExpiredHolds();
    await untilSomebodyWaits(ids);
    await other.query('commit');
    expect(await sweep).toEqual({ found: 1, released: 0, kept: 1, ofOtherBanks: 0 });
    expect(await deduplicator.claim('user-1')).toMatchObject({
      status: 'existing',
      heldUntil: null,
    });
  });
});

test('an old snapshot of another transaction, such as a dump, changes no answer', async () => {
  const { deduplicator, bank } = await sale(
    Array.from({ length: 3_000 }, (_, n) => `voucher-${n}`),
  );
  const dump = await begun();
  await dump.query('set transaction isolation level repeatable read');
  await dump.query(`select count(*) from "${bank}"`);
  const users = Array.from({ length: 3_001 }, (_, n) => `user-${n}`);
  const statuses = new Map<string, number>();
  for await (const { status } of deduplicator.fetchItemsForDeduplicationIds(users)) {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect(Object.fromEntries(statuses)).toEqual({ claimed: 3_000, exhausted: 1 });
  const { rows } = await dump.query(`select count(*)::int as free from "${bank}"`);
  expect(rows).toEqual([{ free: 3_000 }]);
});
