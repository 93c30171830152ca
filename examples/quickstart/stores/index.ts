import type { Store } from './store.js';

export type StoreName = 'dynamodb' | 'sqlite' | 'postgres';

/** Loaded when it is chosen, so that nobody needs the drivers of the others. */
export const STORES: Readonly<Record<StoreName, { title: string; load(): Promise<Store> }>> = {
  dynamodb: { title: 'DynamoDB', load: () => import('./dynamodb.js') },
  sqlite: { title: 'SQLite', load: () => import('./sqlite.js') },
  postgres: { title: 'PostgreSQL', load: () => import('./postgres.js') },
};
