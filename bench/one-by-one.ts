import type { Change } from '../test/verification/planted-faults.js';

/** In a copy of the library with these, no two claims share a transaction, and few reads a request. */
export const ONE_BY_ONE: readonly Change[] = [
  {
    file: 'dynamodb/claim/grouped-claims.ts',
    code: 'const MAX_TRANSACTIONS_UNDER_WAY = 8;',
    replacement: 'const MAX_TRANSACTIONS_UNDER_WAY = Number.POSITIVE_INFINITY;',
  },
  {
    file: 'dynamodb/deduplication-table.ts',
    code: '      this.#transactionalReads.isIdle &&\n',
    replacement: '',
  },
];
