import { handOut } from './hand-out.cjs';

await handOut('import', (specifier) => import(specifier));
