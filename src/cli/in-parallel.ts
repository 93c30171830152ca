const CONCURRENCY = 16;

/** Works on several elements at once; the first failure ends it. */
export async function inParallel<Element>(
  elements: Iterable<Element>,
  work: (element: Element) => Promise<void>,
): Promise<void> {
  const queue = elements[Symbol.iterator]();
  const worker = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
