import type { Config } from '../../config/config.ts';

/**
 * The texts of the configuration that no log may show. A password is hidden only within its URL:
 * alone, it may be any word.
 */
export function secretsOf({ encryptionKey, engine, data: { backend } }: Config): string[] {
  // A password may contain a slash, as in meta/postgresql/engine-url.ts.
  const password = /^[a-z+0-9]+:\/\/[^:/]*(:[^@]*@)/.exec(engine)?.[1];
  const inQuery = /[?&](password=[^&]+)/.exec(engine)?.[1];
  const s3 = backend.type === 's3' ? backend.credentials?.secretAccessKey : undefined;
  const secretKey = s3 !== undefined && 'text' in s3 ? s3.text : undefined;
  return [encryptionKey ?? '', password ?? '', inQuery ?? '', secretKey ?? ''].filter((secret) => secret !== '');
}
