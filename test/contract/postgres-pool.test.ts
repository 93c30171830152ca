import { conformanceSuite } from 'storagebox/testing';
import { afterAll, describe, test } from 'vitest';
import { poolOfPg, storageOn } from '../support/postgres-storage.js';

const database = await poolOfPg(process.env.PGT as string);
afterAll(() => database.end());

conformanceSuite({ describe, test }, () => storageOn(database));
