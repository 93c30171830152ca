// A connection as a server would make it: task.way says by which driver, and what happens to it meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_DELAY_MS = 20;
const MAX_PAUSE_MS = 400;
const FULL_MS = 100;
const UNLIMITED_PAGES = 4_294_967_294;

export async function connectSqlite({ driver, file }) {
  for (;;) {
    try {
      const database = await openWith(driver, file);
      // On by default in a WAL database of libsql and of node:sqlite, not of better-sqlite3.
      database.exec('pragma synchronous = full');
      return database;
    } catch (error) {
      // Another process reads the log after a kill.
      const isBusy = /busy|locked/i.test(`${error.code} ${error.message}`);
      if (!isBusy) throw error;
      await sleep(RETRY_DELAY_MS);
    }
  }
}

async function openWith(driver, file) {
  if (driver === 'node:sqlite') {
    const { DatabaseSync } = await import('node:sqlite');
    return new DatabaseSync(file);
  }
  const { default: Database } = await import(driver);
  return new Database(file, { timeout: 0 });
}

/** Now and then writes the log back into the file, over a connection of its own. */
export async function checkpointForever(way) {
  const database = await connectSqlite(way);
  for (;;) {
    await sleep(MAX_PAUSE_MS * Math.random());
    const mode = Math.random() < 0.5 ? 'passive' : 'truncate';
    try {
      database.prepare(`pragma wal_checkpoint(${mode})`).all();
    } catch {
      // Others write: the next one comes soon.
    }
  }
}

/** Now and then lets the file grow no further for a moment, as a full disk does. */
export async function fillDiskForever(database) {
  for (;;) {
    await sleep(MAX_PAUSE_MS * Math.random());
    try {
      const [{ page_count: pages }] = database.prepare('pragma page_count').all();
      database.prepare(`pragma max_page_count = ${pages}`).all();
      await sleep(FULL_MS);
    } finally {
      database.prepare(`pragma max_page_count = ${UNLIMITED_PAGES}`).all();
    }
  }
}
