import type { Command } from 'commander';
import type { Choice } from '../stores/choose-store.js';
import { addTakingBack } from '../taking-back.js';

export function addRelease(program: Command, choice: Choice): void {
  addTakingBack(program, choice, {
    name: 'release',
    description:
      'Put the item of an ID back into the bank, where anybody can get it. Prints the item.',
    question: (deduplicationId) => `Put the item of "${deduplicationId}" back into the bank?`,
    take: (deduplicator, deduplicationId, options) =>
      deduplicator.releaseItemForDeduplicationId(deduplicationId, options),
  });
}
