import type { Change } from '../test/verification/planted-faults.js';

/** In a copy of the library with it, claims never travel together: every one goes as soon as it can. */
export const ONE_BY_ONE: Change = {
  file: 'dynamodb/claim/grouped-claims.ts',
  code: 'const MAX_TRANSACTIONS_UNDER_WAY = 16;',
  replacement: 'const MAX_TRANSACTIONS_UNDER_WAY = Number.POSITIVE_INFINITY;',
};
