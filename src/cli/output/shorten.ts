const ELLIPSIS = '…';

/**
 * Shortens text to `limit` by replacing a part of it with `…`. Keeps two thirds of the room for the
 * end, which tells most in a path or URL. Returns '' if not even the ellipsis fits.
 * @param measure the unit of `limit`: bytes or columns.
 */
export function shorten(text: string, limit: number, measure: (text: string) => number): string {
  if (measure(text) <= limit) return text;
  const room = limit - measure(ELLIPSIS);
  if (room < 0) return '';
  const letters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  const head = fitting(letters, Math.floor(room / 3), measure);
  const tail = fitting(letters.reverse(), room - measure(head.join('')), measure);
  return head.join('') + ELLIPSIS + tail.reverse().join('');
}

/** The first letters that fit. */
function fitting(letters: readonly string[], limit: number, measure: (text: string) => number): string[] {
  let used = 0;
  const past = letters.findIndex((letter) => {
    used += measure(letter);
    return used > limit;
  });
  return letters.slice(0, past < 0 ? letters.length : past);
}
