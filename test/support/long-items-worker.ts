// Adds more long items than its heap could hold, cut out of large chunks as the lines of a file are.
import { addInChunks, MAX_KEY_BYTES } from 'storagebox/core';

const ITEMS = 100_000;
const ITEMS_PER_CHUNK = 32;

function* longItems() {
  for (let first = 0; first < ITEMS; first += ITEMS_PER_CHUNK) {
    const items = Array.from({ length: ITEMS_PER_CHUNK }, (_, index) =>
      String(first + index).padStart(MAX_KEY_BYTES, '-'),
    );
    yield* items.join('\n').split('\n');
  }
  // Within the window, and so a repeat.
  yield String(ITEMS - 1).padStart(MAX_KEY_BYTES, '-');
}

const report = await addInChunks(
  longItems(),
  {},
  {
    chunkSize: 100,
    concurrency: 4,
    addChunk: async (chunk) => ({
      added: chunk.length,
      alreadyKnown: 0,
      notAdded: [],
      unconfirmed: [],
    }),
  },
);
process.send?.(report);
