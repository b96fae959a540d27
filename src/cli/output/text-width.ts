import { eastAsianWidth } from 'get-east-asian-width';

const PLAIN = /^[\x20-\x7e]*$/;
/**
 * Combining marks, format characters, and vowels and finals of Hangul syllables. The soft hyphen
 * has a width.
 */
const NO_WIDTH = /^[\p{M}\p{Cf}\p{Zl}\p{Zp}\u1160-\u11ff\ud7b0-\ud7ff]$/u;
const SOFT_HYPHEN = '\u00ad';
const JOINER = '\u200d';
/** The selector of emoji style, and skin tones. They make the emoji before them wide. */
const MAKES_WIDE = /^[\ufe0f\p{Emoji_Modifier}]$/u;
const EMOJI = /^\p{Emoji}$/u;
const PICTURE = /^\p{Extended_Pictographic}$/u;

/**
 * The columns that a text takes in a terminal, by the original's rules. Each code point has its
 * East Asian width; ambiguous ones are narrow. A picture joined to an emoji adds nothing, and emoji
 * style makes a sign wide. Packages that measure strings count some narrow signs (☃) as wide.
 */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  let before = { char: '', width: 0 };
  for (const char of text) {
    before = { char, width: addedWidth(char, before) };
    width += before.width;
  }
  return width;
}

function addedWidth(char: string, before: { char: string; width: number }): number {
  if (before.char === JOINER && PICTURE.test(char)) return 0;
  if (MAKES_WIDE.test(char) && EMOJI.test(before.char)) return before.width === 1 ? 1 : 0;
  return widthOf(char);
}

function widthOf(char: string): number {
  if (char !== SOFT_HYPHEN && NO_WIDTH.test(char)) return 0;
  return eastAsianWidth(char.codePointAt(0) ?? 0);
}
