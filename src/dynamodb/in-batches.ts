import { runtime } from '../runtime.js';

/** Many calls that go on at once keep the event loop from everything else: so many at a time. */
const BATCH_SIZE = 1_000;

/** Lets all elements go on, in their order; the first batch at once. */
export function inBatches<Element>(
  elements: readonly Element[],
  goOn: (element: Element) => void,
): void {
  for (const element of elements.slice(0, BATCH_SIZE)) goOn(element);
  if (elements.length > BATCH_SIZE) void goOnLater(elements, goOn);
}

async function goOnLater<Element>(
  elements: readonly Element[],
  goOn: (element: Element) => void,
): Promise<void> {
  for (let first = BATCH_SIZE; first < elements.length; first += BATCH_SIZE) {
    await runtime.sleep(0);
    for (const element of elements.slice(first, first + BATCH_SIZE)) goOn(element);
  }
}
