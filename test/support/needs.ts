// What a test file needs beyond this repository, read from its text: so no list has to be kept.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Files that inject one of these are left out as a whole where that server is missing. */
export type NeededServer = 'dynamoDbEndpoint' | 'postgresUrl' | 'pgBouncerUrl';

const INJECTED = /inject\('(\w+)'\)/g;
const IMPORTED = /(?:from|import\(|import) ?'([^']+)'/g;

/** What is injected, and the packages that are imported, by the file and what it imports of ours. */
export function neededBy(testFile: string): ReadonlySet<string> {
  const needs = new Set<string>();
  const seen = new Set<string>();
  const look = (file: string) => {
    if (seen.has(file) || !existsSync(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    for (const [, key] of text.matchAll(INJECTED)) needs.add(String(key));
    for (const [, specifier = ''] of text.matchAll(IMPORTED)) {
      if (!specifier.startsWith('.')) needs.add(specifier);
      else if (specifier.endsWith('.js')) look(join(dirname(file), specifier.replace(/js$/, 'ts')));
    }
  };
  look(testFile);
  return needs;
}
