/**
 * Checks the words of a source. The modules behind it are loaded on use: a listing starts without
 * them. @throws BackyError `io` if no source can have this URL.
 */
export async function checkSource(url: string): Promise<void> {
  const [{ parseIoUrl }, { parseNullSize }] = await Promise.all([
    import('../../io/io-url.ts'),
    import('../../io/null/null-size.ts'),
  ]);
  const { scheme, path } = parseIoUrl(url);
  if (scheme === 'null') parseNullSize(path);
}

/** Checks the words of a target. @throws BackyError `io` if no target can have this URL. */
export async function checkTarget(url: string): Promise<void> {
  const { parseIoUrl } = await import('../../io/io-url.ts');
  parseIoUrl(url);
}
