const ELLIPSIS = '…';

/**
 * Text with a part replaced by `…` so that it measures `limit` at most: of a path or URL, the end tells most, the start a little.
 * Nothing, where not even the ellipsis fits.
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

/** As many of the first letters as fit. */
function fitting(letters: readonly string[], limit: number, measure: (text: string) => number): string[] {
  let used = 0;
  const past = letters.findIndex((letter) => {
    used += measure(letter);
    return used > limit;
  });
  return letters.slice(0, past < 0 ? letters.length : past);
}
