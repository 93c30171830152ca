import type { Command } from 'commander';
import { addTakingBack } from '../taking-back.js';

export function addRelease(program: Command): void {
  addTakingBack(program, {
    name: 'release',
    description: 'Take the item of an ID back into the bank, for anybody to get. Prints the item.',
    question: (deduplicationId) => `Take the item of "${deduplicationId}" back into the bank?`,
    take: (deduplicator, deduplicationId, options) =>
      deduplicator.releaseItemForDeduplicationId(deduplicationId, options),
  });
}
