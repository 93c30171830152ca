// How a store keeps deduplication IDs: as they are, or as hashes that only the owner of a secret can make.
import { assertOption } from '../contracts/validation.js';
import { hmacSha256 } from '../environment/node.js';

export interface DeduplicationIdOptions {
  /**
   * Keeps hashes instead of deduplication IDs: `h1:`, a check of the secret and the HMAC-SHA-256 of the ID. Of
   * e-mail addresses, for example, the store then tells nothing to those who do not have the secret. All methods
   * take clear IDs; what is listed has hashes.
   *
   * Only for a new store, and the same secret in each of its processes. An ID that was kept clear, or under
   * another secret, counts as new and would get a second item. Nodes of the Python module and of releases
   * without this option keep clear IDs. Needs Node.js. A string counts in UTF-8. Default: IDs are kept as
   * they are.
   */
  readonly deduplicationIdSecret?: string | Uint8Array | undefined;
}

const MIN_SECRET_BYTES = 32;
/** Of the check, in hexadecimal: enough to notice another secret, and too little to help finding it. */
const CHECK_LENGTH = 8;

/**
 * The function that turns an ID into what the store keeps.
 *
 * @throws InvalidOptionError when the secret cannot be used
 */
export function storedIdsWith({
  deduplicationIdSecret: secret,
}: DeduplicationIdOptions): (deduplicationId: string) => string {
  if (secret === undefined) return (deduplicationId) => deduplicationId;
  const isText = typeof secret === 'string';
  const bytes = isText ? new TextEncoder().encode(secret) : Uint8Array.from(asBytes(secret));
  const isUsable = bytes.length >= MIN_SECRET_BYTES && (!isText || secret.isWellFormed());
  assertOption(
    isUsable,
    'deduplicationIdSecret',
    `a string or Uint8Array of ${MIN_SECRET_BYTES} bytes or more`,
    // Of a number, the message would show the value.
    typeof secret === 'number' ? Object(secret) : secret,
    'Make one with crypto.randomBytes(32), and keep it where all processes of the sale can read it.',
  );
  assertOption(
    hmacSha256 !== undefined,
    'deduplicationIdSecret',
    'left out where there is no Node.js',
    secret,
    'Run it on Node.js.',
  );
  const hash = hmacSha256;
  const prefix = `h1:${hash(bytes, 'storagebox key check').slice(0, CHECK_LENGTH)}:`;
  return (deduplicationId) => `${prefix}${hash(bytes, `id:${deduplicationId}`)}`;
}

function asBytes(secret: unknown): Uint8Array {
  return secret instanceof Uint8Array ? secret : new Uint8Array();
}
