/** A name from outside, as one word of a message: without control characters, and short. */
export function printableName(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}
