import { BackyError } from '../../errors.ts';

/** The file behind `sqlite:////abs/path` or `sqlite:///relative/path`; query options of the original's driver are dropped. */
export function sqlitePath(engine: string): string {
  const match = /^sqlite:\/\/\/([^?]+)(?:\?.*)?$/.exec(engine);
  if (match?.[1] !== undefined) return match[1];
  throw new BackyError('config', `[MetaBackend] engine: "${engine}" names no database file.`, {
    hint: 'Write sqlite:////absolute/path (four slashes) or sqlite:///relative/path.',
  });
}
