/** The value of an option; undefined if the option is absent. */
export function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * The value of an option; undefined if it is absent or empty. As in the original, '' means "any".
 */
export function filledText(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Whether a switch was given. */
export function flag(value: string | boolean | undefined): boolean {
  return value === true;
}
