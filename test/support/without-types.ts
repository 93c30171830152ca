// TypeScript as a user's compiler would turn it into JavaScript. Node.js then runs it by itself, which
// starts sooner than a process that compiles on its way.
import ts from 'typescript';

export function withoutTypes(code: string): string {
  const { ModuleKind, ScriptTarget, transpile } = ts;
  return transpile(code, { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 });
}
