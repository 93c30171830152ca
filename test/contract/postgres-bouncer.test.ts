import { conformanceSuite } from 'storagebox/testing';
import { afterAll, describe, inject, test } from 'vitest';
import { poolOfPg, storageOn } from '../support/postgres-storage.js';

const database = await poolOfPg(inject('pgBouncerUrl'));
afterAll(() => database.end());

conformanceSuite({ describe, test }, () => storageOn(database));
