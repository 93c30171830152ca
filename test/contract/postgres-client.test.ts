import { conformanceSuite } from 'storagebox/testing';
import { afterAll, describe, test } from 'vitest';
import { clientOfPg, storageOn } from '../support/postgres-storage.js';

const database = await clientOfPg(process.env.PGT as string);
afterAll(() => database.end());

conformanceSuite({ describe, test }, () => storageOn(database));
