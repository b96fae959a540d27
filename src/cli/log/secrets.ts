import type { Config } from '../../config/config.ts';

/** Texts from the configuration that no log may show. A password counts only where it stands in a URL: alone, it may be any word. */
export function secretsOf({ encryptionKey, engine, data: { backend } }: Config): string[] {
  // As the URL is read (meta/postgresql/engine-url.ts): a password may hold a slash.
  const password = /^[a-z+0-9]+:\/\/[^:/]*(:[^@]*@)/.exec(engine)?.[1];
  const inQuery = /[?&](password=[^&]+)/.exec(engine)?.[1];
  const s3 = backend.type === 's3' ? backend.credentials?.secretAccessKey : undefined;
  const secretKey = s3 !== undefined && 'text' in s3 ? s3.text : undefined;
  return [encryptionKey ?? '', password ?? '', inQuery ?? '', secretKey ?? ''].filter((secret) => secret !== '');
}
