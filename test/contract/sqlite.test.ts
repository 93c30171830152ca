import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';
import {
  type ClosableDatabase,
  freshFile,
  freshTables,
  openDatabase,
  openPair,
  ownWritesIn,
  SQLITE_DRIVERS,
} from '../support/sqlite.js';

describe.each(SQLITE_DRIVERS)('$name', (driver) => {
  describe('in a file, each pair with a connection of its own', () => {
    conformanceSuite({ describe, test }, async () => {
      const { file, remove } = await freshFile();
      const databases: ClosableDatabase[] = [];
      const connect = () => {
        const database = openDatabase(file, driver);
        databases.push(database);
        return database;
      };
      const tables = await freshTables(connect());
      const close = () => {
        for (const database of databases.splice(0)) database.close();
      };
      return {
        open: () => openPair(connect(), tables),
        openWithLedger: () => openPair(connect(), tables),
        ownWrites: () => ownWritesIn(connect()),
        breakStore: close,
        dispose: async () => {
          close();
          await remove();
        },
      };
    });
  });

  describe('in memory, all pairs on one connection', () => {
    let opened: ClosableDatabase | undefined;
    conformanceSuite({ describe, test }, async () => {
      const database = opened ?? driver.open(':memory:');
      opened = database;
      const tables = await freshTables(database);
      return {
        open: () => openPair(database, tables),
        openWithLedger: () => openPair(database, tables),
        ownWrites: () => ownWritesIn(database),
        breakStore: () => {
          for (const table of Object.values(tables)) {
            database.exec(`drop table "${table.replaceAll('"', '""')}"`);
          }
        },
      };
    });
  });
});
