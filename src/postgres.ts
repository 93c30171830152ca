// `storagebox/postgres`: the PostgreSQL store, and of the core what `storagebox` has.
export * from './core.js';
export * from './postgres/index.js';
