/** An option that takes a value; undefined when it is absent. */
export function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** An option that takes a value; undefined when it is absent or empty, for options where '' means "any" as in the original. */
export function filledText(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A switch. */
export function flag(value: string | boolean | undefined): boolean {
  return value === true;
}
