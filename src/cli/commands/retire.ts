import type { Command } from 'commander';
import type { Choice } from '../stores/choose-store.js';
import { addTakingBack } from '../taking-back.js';

export function addRetire(program: Command, choice: Choice): void {
  addTakingBack(program, choice, {
    name: 'retire',
    description: 'Withdraw the item of an ID for good: nobody gets it again. Prints the item.',
    question: (deduplicationId) =>
      `Withdraw the item of "${deduplicationId}" for good, so that nobody gets it again?`,
    take: (deduplicator, deduplicationId, options) =>
      deduplicator.retireItemForDeduplicationId(deduplicationId, options),
  });
}
