import { conformanceSuite } from 'storagebox/testing';
import { afterAll, describe, test } from 'vitest';
import { postgresJs, storageOn } from '../support/postgres-storage.js';

const database = await postgresJs(process.env.PGT as string);
afterAll(() => database.end());

conformanceSuite({ describe, test }, () => storageOn(database));
