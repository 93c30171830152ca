// Control characters move the cursor of a terminal, change its colours or its title, or hide text.

/** Those of ASCII and Unicode, marks that change the direction of text, and Unicode's line separators. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;
const EVERY_CONTROL = new RegExp(CONTROL, 'gu');

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

/** Shows each control character as an escape, in the form that is valid in JSON, too. */
export function visible(text: string): string {
  return text.replace(
    EVERY_CONTROL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
