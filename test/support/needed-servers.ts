// Which servers a test file needs: what it, or what it imports, injects.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Files that inject one of these are left out as a whole where that server is missing. */
export type NeededServer = 'dynamoDbEndpoint' | 'postgresUrl' | 'pgBouncerUrl';

const INJECTED = /inject\('(\w+)'\)/g;
const IMPORTED = /(?:from|import\(|import) ?'(\.[^']+)\.js'/g;

/** The keys that are injected by the file, and by what it imports from this repository. */
export function injectedBy(testFile: string): ReadonlySet<string> {
  const keys = new Set<string>();
  const seen = new Set<string>();
  const look = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, key] of text.matchAll(INJECTED)) keys.add(String(key));
    for (const [, path] of text.matchAll(IMPORTED)) look(join(dirname(file), `${path}.ts`));
  };
  look(testFile);
  return keys;
}
