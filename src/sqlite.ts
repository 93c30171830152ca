// `storagebox/sqlite`: both repositories in a SQLite database, and what `storagebox/core` has.
export * from './core.js';
export * from './sqlite/index.js';
