/** An option that takes a value; undefined when it is absent. */
export function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A switch. */
export function flag(value: string | boolean | undefined): boolean {
  return value === true;
}
