/** A name from outside for a message: short, without control characters. */
export function printableName(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}
