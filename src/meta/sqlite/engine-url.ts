import { BackyError } from '../../errors.ts';

/**
 * The file of `sqlite:////abs/path` or `sqlite:///relative/path`. Drops query options of the
 * original's driver.
 */
export function sqlitePath(engine: string): string {
  const match = /^sqlite:\/\/\/([^?]+)(?:\?.*)?$/.exec(engine);
  if (match?.[1] !== undefined) return match[1];
  throw new BackyError('config', `[MetaBackend] engine: "${engine}" names no database file.`, {
    hint: 'Write sqlite:////absolute/path (four slashes) or sqlite:///relative/path.',
  });
}
