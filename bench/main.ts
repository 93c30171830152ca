// npm run bench [-- --store dynamodb|postgres|sqlite] [further options, of that store]
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { store: { type: 'string', default: 'dynamodb' } },
  // The benchmark of the store knows its options.
  strict: false,
});
await (values.store === 'dynamodb' ? import('./dynamodb.js') : import('./stores/main.js'));
