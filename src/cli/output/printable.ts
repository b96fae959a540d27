/**
 * Escapes control characters and those that change text direction, as `\n` or `\x1b`. A name must
 * not control a terminal or fake a line of the log.
 */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (char) => {
    const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return named[char] ?? escaped(char.charCodeAt(0).toString(16));
  });
}

function escaped(hex: string): string {
  return hex.length > 2 ? `\\u${hex}` : `\\x${hex.padStart(2, '0')}`;
}
