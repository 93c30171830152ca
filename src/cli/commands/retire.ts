import type { Command } from 'commander';
import { addTakingBack } from '../taking-back.js';

export function addRetire(program: Command): void {
  addTakingBack(program, {
    name: 'retire',
    description: 'Take the item of an ID from it for good: nobody gets it again. Prints the item.',
    question: (deduplicationId) => `Take the item of "${deduplicationId}" from it for good?`,
    take: (deduplicator, deduplicationId, options) =>
      deduplicator.retireItemForDeduplicationId(deduplicationId, options),
  });
}
