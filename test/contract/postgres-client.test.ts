import { conformanceSuite } from 'storagebox/testing';
import { afterAll, describe, inject, test } from 'vitest';
import { clientOfPg, storageOn } from '../support/postgres-storage.js';

const database = await clientOfPg(inject('postgresUrl'));
afterAll(() => database.end());

conformanceSuite({ describe, test }, () => storageOn(database));
