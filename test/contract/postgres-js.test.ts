import { conformanceSuite } from 'storagebox/testing';
import { afterAll, describe, inject, test } from 'vitest';
import { postgresJs, storageOn } from '../support/postgres-storage.js';

const database = await postgresJs(inject('postgresUrl'));
afterAll(() => database.end());

conformanceSuite({ describe, test }, () => storageOn(database));
