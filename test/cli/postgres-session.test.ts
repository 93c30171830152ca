// The sessions in docs/command-line.md on PostgreSQL.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildProgram } from '../support/built-command-line.js';
import type { DatabaseStore } from './database-store.js';
import { postgresStore } from './postgres-store.js';
import { typedSession } from './typed-session.js';

const IN_THE_DOCS = 'postgres://postgres@127.0.0.1:5432/sale';

let store: DatabaseStore;
beforeAll(async () => {
  store = await postgresStore(await buildProgram());
});
afterAll(() => store.dispose());

test('the sessions print what the docs say', async () => {
  const inPlaceOf = { [IN_THE_DOCS]: store.url };
  const { recorded, printed } = await typedSession(store.cli, 'postgres', inPlaceOf);
  expect(recorded).toContain(IN_THE_DOCS);
  expect(printed).toBe(recorded);
});
