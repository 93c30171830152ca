// Items and IDs as the tables keep them.
import { InvalidDeduplicationIdError, InvalidItemError } from '../contracts/errors.js';
import { keyToText } from '../store-kit/key-text.js';

/** What an entry of a B-tree index takes, less its headers. See "B-Tree Indexes" in PostgreSQL's documentation. */
const MAX_STORED_KEY_BYTES = 2_680;

/** @throws InvalidItemError when its escaped form does not fit an index */
export function storedItem(item: string): string {
  const text = keyToText(item);
  const fault = faultOf(text, item);
  if (fault !== null) throw new InvalidItemError(`Expected the item to be ${fault}`);
  return text;
}

/** @throws InvalidDeduplicationIdError when its escaped form does not fit an index */
export function storedId(deduplicationId: string): string {
  const text = keyToText(deduplicationId);
  const fault = faultOf(text, deduplicationId);
  if (fault !== null) {
    throw new InvalidDeduplicationIdError(`Expected the deduplication ID to be ${fault}`);
  }
  return text;
}

function faultOf(text: string, key: string): string | null {
  // What was not escaped is short enough already.
  if (text.length === key.length) return null;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= MAX_STORED_KEY_BYTES) return null;
  return (
    `at most ${MAX_STORED_KEY_BYTES} bytes where U+0000 and U+0001 count twice, got ${bytes} bytes: ` +
    'shorten it, or use a hash of it.'
  );
}
