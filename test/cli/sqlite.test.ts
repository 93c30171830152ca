// The command line on SQLite.
import { databaseChecks } from './database-checks.js';
import { sqliteStore } from './sqlite-store.js';

databaseChecks(sqliteStore);
