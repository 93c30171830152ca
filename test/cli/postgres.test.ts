// The command line on PostgreSQL.
import { databaseChecks } from './database-checks.js';
import { postgresStore } from './postgres-store.js';

databaseChecks(postgresStore);
