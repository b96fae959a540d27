/**
 * Whether a name from the command line or a folder had bytes that are not valid UTF-8. Node
 * replaces each of them, so that different names look the same and paths can't be opened.
 */
export function isBrokenText(text: string): boolean {
  return text.includes('\uFFFD');
}
