// For stores whose text ends at U+0000, or refuses it. Keys may hold any character, so that one is escaped, and the
// escape character with it. All other keys stay as they are, so that people can query them.

const ESCAPED_NUL = '\u00010';
const ESCAPED_ESCAPE = '\u00011';

/** The key as text without U+0000. Different keys give different texts. */
export function keyToText(key: string): string {
  return key.replaceAll('\u0001', ESCAPED_ESCAPE).replaceAll('\u0000', ESCAPED_NUL);
}

/** The key that {@link keyToText} made that text of. */
export function textToKey(text: string): string {
  return text.replaceAll(ESCAPED_NUL, '\u0000').replaceAll(ESCAPED_ESCAPE, '\u0001');
}
