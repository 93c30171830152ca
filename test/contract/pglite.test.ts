import { conformanceSuite } from 'storagebox/testing';
import { afterAll, describe, test } from 'vitest';
import { pglite, storageOn } from '../support/postgres-storage.js';

const database = await pglite();
afterAll(() => database.end());

conformanceSuite({ describe, test }, () => storageOn(database));
