/** The next items, until none is left. */
export function* chunksOf(items: Iterable<string>, size: number): Generator<string[], void> {
  let chunk: string[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
