// What an editor shows when the pointer rests on a name: asked of TypeScript's language service.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as TypeScript from 'typescript';

const ts: typeof TypeScript = createRequire(import.meta.url)('typescript');

export interface Hover {
  readonly text: string;
  /** Each as an editor shows it: `@returns the item`. */
  readonly tags: readonly string[];
}

/** By expression: `bank.getItemFromBank`. The code declares what the expressions need. */
export function hoversOf(
  project: string,
  code: string,
  expressions: readonly string[],
): Map<string, Hover> {
  const file = join(project, 'hover.mts');
  const lines = [code, ...expressions].join(';\n');
  const { sys } = ts;
  const service = ts.createLanguageService({
    ...sys,
    fileExists: (path) => path === file || sys.fileExists(path),
    readFile: (path) => (path === file ? lines : sys.readFile(path)),
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path) => {
      const text = path === file ? lines : sys.readFile(path);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => project,
    getCompilationSettings: () => ({
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      strict: true,
    }),
    getDefaultLibFileName: ts.getDefaultLibFilePath,
  });
  return new Map(
    expressions.map((expression) => {
      const position = lines.lastIndexOf(expression) + expression.lastIndexOf('.') + 1;
      const info = service.getQuickInfoAtPosition(file, position);
      const tags = (info?.tags ?? []).map(
        ({ name, text }) => `@${name} ${ts.displayPartsToString(text)}`,
      );
      return [expression, { text: ts.displayPartsToString(info?.documentation), tags }];
    }),
  );
}
