// Calls that are a part of the caller's own transaction, and own writes in that of the package.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import postgres from 'postgres';
import {
  Deduplicator,
  isStorageBoxError,
  type PostgresQueryable,
  writtenBy,
} from 'storagebox/postgres';
import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { freshPair } from '../../support/postgres-storage.js';

const url = inject('postgresUrl');
const pool = new pg.Pool({ connectionString: url });
afterAll(() => pool.end());

async function connected(options = ''): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, options });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function sale(items: readonly string[]) {
  const pair = await freshPair(pool);
  const deduplicator = new Deduplicator(pair.open());
  await deduplicator.addItemsToBank(items);
  const orders = `orders-${randomUUID()}`;
  await pool.query(`create table "${orders}" (user_id text primary key, seat text not null)`);
  const order = (client: PostgresQueryable, user: string, seat: string | null) =>
    client.query(`insert into "${orders}" values ($1, $2)`, [user, seat]);
  const ordered = async () => {
    const { rows } = await pool.query(`select user_id, seat from "${orders}" order by user_id`);
    return rows.map(({ user_id, seat }) => [user_id, seat]);
  };
  return { ...pair, deduplicator, orders, order, ordered };
}

describe('within a transaction of the caller', () => {
  test('order and seat come to pass together at its commit', async () => {
    const { deduplicator, order, ordered } = await sale(['seat-1']);
    const client = await connected();
    await client.query('begin');
    const { item } = await deduplicator.claim('user-1', { within: client });
    await order(client, 'user-1', item);
    await client.query('commit');
    expect(await ordered()).toEqual([['user-1', 'seat-1']]);
    expect(await deduplicator.claim('user-1')).toMatchObject({
      status: 'existing',
      item: 'seat-1',
    });
  });

  test('a rollback, also to a savepoint of the caller, frees the seat', async () => {
    const { deduplicator, ordered, order } = await sale(['seat-1']);
    const client = await connected();
    await client.query('begin');
    await client.query('savepoint before_the_claim');
    const first = await deduplicator.claim('user-1', { within: client, item: 'seat-1' });
    expect(first.status).toBe('claimed');
    await client.query('rollback to savepoint before_the_claim');
    const second = await deduplicator.claim('user-2', { within: client });
    expect(second).toMatchObject({ status: 'claimed', item: 'seat-1' });
    await order(client, 'user-2', second.item);
    await client.query('rollback');
    expect(await ordered()).toEqual([]);
    expect(await deduplicator.claim('user-3')).toMatchObject({ status: 'claimed', item: 'seat-1' });
  });

  test('a hold is made, extended, confirmed and released there', async () => {
    const { deduplicator } = await sale(['seat-1']);
    const client = await connected();
    const within = client;
    await client.query('begin');
    await deduplicator.claim('user-1', { within, holdForMs: 60_000 });
    const { heldUntil } = await deduplicator.claim('user-1', { within, holdForMs: 600_000 });
    expect(heldUntil?.getTime()).toBeGreaterThan(Date.now() + 300_000);
    expect(await deduplicator.confirm('user-1', { within })).toBe('seat-1');
    expect(await deduplicator.claim('user-1', { within })).toMatchObject({ heldUntil: null });
    await client.query('commit');
    await client.query('begin');
    expect(await deduplicator.releaseItemForDeduplicationId('user-1', { within })).toBe('seat-1');
    await client.query('rollback');
    expect(await deduplicator.claim('user-1')).toMatchObject({ status: 'existing' });
    await client.query('begin');
    expect(await deduplicator.retireItemForDeduplicationId('user-1', { within })).toBe('seat-1');
    await client.query('commit');
    expect((await deduplicator.addItemsToBank(['seat-1'])).alreadyKnown).toBe(1);
  });

  test('items are added there, too', async () => {
    const { deduplicator } = await sale([]);
    const client = await connected();
    const seats = Array.from({ length: 12_000 }, (_, n) => `seat-${n}`);
    await client.query('begin');
    expect(await deduplicator.addItemsToBank(seats, { within: client })).toMatchObject({
      added: 12_000,
    });
    expect(await deduplicator.claim('user-1')).toMatchObject({ status: 'exhausted' });
    await client.query('rollback');
    await client.query('begin');
    await deduplicator.addItemsToBank(['seat-1'], { within: client });
    await client.query('commit');
    expect(await deduplicator.claim('user-1')).toMatchObject({ item: 'seat-1' });
  });

  test('works with a transaction of postgres.js', async () => {
    const { open, ids } = await sale(['seat-1']);
    const sql = postgres(url);
    onTestFinished(() => sql.end());
    const deduplicator = new Deduplicator(open(sql));
    const rolledBack = sql.begin(async (transaction) => {
      await deduplicator.claim('user-1', { within: transaction });
      throw new Error('the customer changed their mind');
    });
    await expect(rolledBack).rejects.toThrow('changed their mind');
    await sql.begin((transaction) => deduplicator.claim('user-2', { within: transaction }));
    expect(await sql`select deduplication_id from ${sql(ids)}`).toMatchObject([
      { deduplication_id: 'user-2' },
    ]);
  });

  test('a pool, or a connection without a transaction, is refused, and nothing is written', async () => {
    const { deduplicator } = await sale(['seat-1']);
    const wrong = [pool, await connected()];
    for (const within of wrong) {
      const calls = [
        () => deduplicator.claim('user-1', { within }),
        () => deduplicator.confirm('user-1', { within }),
        () => deduplicator.releaseItemForDeduplicationId('user-1', { within }),
        () => deduplicator.addItemsToBank(['seat-2'], { within }),
      ];
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({
          code: 'STORAGEBOX_INVALID_OPTION',
          option: 'within',
        });
      }
    }
    expect(await deduplicator.claim('user-1', { item: 'seat-1' })).toMatchObject({
      status: 'claimed',
    });
    expect(await deduplicator.claim('user-2')).toMatchObject({ status: 'exhausted' });
  });

  test('beside own writes, and as no connection at all, it is refused', async () => {
    const { deduplicator } = await sale(['seat-1']);
    const within = await connected();
    const alongside = () => async () => {};
    await expect(deduplicator.claim('user-1', { within, alongside })).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_OPTION',
      option: 'alongside',
    });
    for (const nothing of [{}, 'client' as never]) {
      await expect(deduplicator.claim('user-1', { within: nothing })).rejects.toMatchObject({
        code: 'STORAGEBOX_INVALID_OPTION',
        option: 'within',
      });
    }
  });

  test('a deadlock of two callers reaches one of them, who repeats all of it', async () => {
    // Enough seats, so that only the IDs are in the way.
    const seats = ['seat-1', 'seat-2', 'seat-3', 'seat-4'];
    const { deduplicator, open } = await sale(seats);
    const [one, other] = [await connected(), await connected()];
    const inOrder = async (
      client: pg.Client,
      [first, second]: readonly [string, string],
      meet: () => Promise<void>,
    ) => {
      await client.query('begin');
      try {
        await deduplicator.claim(first, { within: client });
        await meet();
        await deduplicator.claim(second, { within: client });
        await client.query('commit');
      } catch (error) {
        await client.query('rollback');
        throw error;
      }
    };
    const meet = meeting(2);
    const ends = await Promise.allSettled([
      inOrder(one, ['user-1', 'user-2'], meet),
      inOrder(other, ['user-2', 'user-1'], meet),
    ]);
    const failed = ends.findIndex(({ status }) => status === 'rejected');
    expect(ends[failed]).toMatchObject({ reason: { code: '40P01' } });
    expect(ends[1 - failed]).toMatchObject({ status: 'fulfilled' });
    const again = [one, other][failed] as pg.Client;
    await inOrder(again, ['user-1', 'user-2'], async () => {});
    expect(await open().deduplicationRepo.countAssignments()).toBe(2);
    expect(await open().itemRepo.countItems()).toBe(2);
  });

  test('a change since its snapshot ends a repeatable read transaction, with its own error', async () => {
    const { deduplicator } = await sale(['seat-1']);
    const client = await connected();
    await client.query('begin isolation level repeatable read');
    await client.query('select 1');
    await deduplicator.claim('user-1');
    await expect(deduplicator.claim('user-2', { within: client })).rejects.toMatchObject({
      code: '40001',
    });
    await client.query('rollback');
    await client.query('begin isolation level repeatable read');
    expect(await deduplicator.claim('user-2', { within: client })).toMatchObject({
      status: 'exhausted',
    });
    await client.query('commit');
  });

  test('the settings of the transaction stay as the caller made them', async () => {
    const { deduplicator } = await sale(['seat-1']);
    const client = await connected();
    await client.query('begin');
    await client.query("set local lock_timeout = '7s'");
    await deduplicator.claim('user-1', { within: client });
    const { rows } = await client.query('show lock_timeout');
    expect(rows).toEqual([{ lock_timeout: '7s' }]);
    await client.query('rollback');
  });
});

/** Resolves for all once so many have come. */
function meeting(size: number): () => Promise<void> {
  let come = 0;
  let open = () => {};
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    come++;
    if (come === size) open();
    return all;
  };
}

describe('own writes', () => {
  test('come to pass with the claim, on whichever connection it has', async () => {
    const { deduplicator, order, ordered } = await sale(['seat-1', 'seat-2']);
    const claim = (user: string) =>
      deduplicator.claim(user, { alongside: (seat) => (client) => order(client, user, seat) });
    const results = await Promise.all(['user-1', 'user-2', 'user-3', 'user-1'].map(claim));
    const orders = await ordered();
    expect(orders).toHaveLength(2);
    for (const [user, seat] of orders) {
      const index = ['user-1', 'user-2', 'user-3'].indexOf(user);
      expect(results[index]?.item).toBe(seat);
    }
  });

  test('whose refused statement is passed over in silence are refused all the same', async () => {
    const { deduplicator, order, ordered } = await sale(['seat-1']);
    const alongside = (seat: string) => async (client: PostgresQueryable) => {
      await order(client, 'user-1', seat);
      await order(client, 'user-1', seat).catch(() => {});
    };
    await expect(deduplicator.claim('user-1', { alongside })).rejects.toMatchObject({
      code: 'STORAGEBOX_ALONGSIDE_REFUSED',
      cause: { code: '25P02' },
    });
    expect(await ordered()).toEqual([]);
    expect(await deduplicator.claim('user-2')).toMatchObject({ status: 'claimed' });
  });

  test('that end the transaction are told as an unknown outcome', async () => {
    const { deduplicator, order } = await sale(['seat-1']);
    const alongside = (seat: string) => async (client: PostgresQueryable) => {
      await order(client, 'user-1', seat);
      await client.query('commit');
    };
    await expect(deduplicator.claim('user-1', { alongside })).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
    });
    expect(await deduplicator.claim('user-1')).toMatchObject({ status: 'existing' });
  });

  test('that meet another transaction are made again in a new one', async () => {
    const { deduplicator, order, ordered } = await sale(['seat-1']);
    let attempts = 0;
    const alongside = (seat: string) => async (client: PostgresQueryable) => {
      if (++attempts === 1) {
        await client.query("do $$ begin raise sqlstate '40001'; end $$");
      }
      await order(client, 'user-1', seat);
    };
    expect(await deduplicator.claim('user-1', { alongside })).toMatchObject({ status: 'claimed' });
    expect(attempts).toBe(2);
    expect(await ordered()).toEqual([['user-1', 'seat-1']]);
  });

  test('whose connection breaks are not told as refused: nothing was written', async () => {
    const { deduplicator, order, ordered } = await sale(['seat-1']);
    const alongside = (seat: string) => async (client: PostgresQueryable) => {
      await order(client, 'user-1', seat);
      await client.query('select pg_terminate_backend(pg_backend_pid())');
    };
    const error = await deduplicator.claim('user-1', { alongside }).catch((reason) => reason);
    expect(isStorageBoxError(error)).toBe(false);
    expect(writtenBy(error)).toBe('nothing');
    expect(await ordered()).toEqual([]);
    expect(await deduplicator.claim('user-2')).toMatchObject({ status: 'claimed' });
  });

  test('of one client do not mix with other calls on it', async () => {
    const { open, order, ordered } = await sale(Array.from({ length: 20 }, (_, n) => `seat-${n}`));
    const client = await connected();
    const deduplicator = new Deduplicator(open(client));
    const calls = Array.from({ length: 20 }, (_, n) => {
      const alongside = (seat: string) => async (session: PostgresQueryable) => {
        await order(session, `user-${n}`, seat);
        if (n % 2 === 1) throw new Error('refused');
      };
      return n % 4 < 2
        ? deduplicator.claim(`user-${n}`, { alongside })
        : deduplicator.claim(`user-${n}`);
    });
    const ends = await Promise.allSettled(calls);
    const isServed = ends.map(({ status }) => status === 'fulfilled');
    expect(isServed).toEqual(Array.from({ length: 20 }, (_, n) => n % 4 !== 1));
    expect((await ordered()).map(([user]) => user).sort()).toEqual(
      [0, 4, 8, 12, 16].map((n) => `user-${n}`).sort(),
    );
    expect(await open().deduplicationRepo.countAssignments()).toBe(15);
  });
});
