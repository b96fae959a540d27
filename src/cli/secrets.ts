import type { Config } from '../config/config.ts';

/** Texts from the configuration that no log may show. A password counts only where it stands in a URL: alone, it may be any word. */
export function secretsOf({ encryptionKey, engine }: Config): string[] {
  const password = /^[a-z+0-9]+:\/\/[^/@]*?(:[^/]*@)/.exec(engine)?.[1];
  return [encryptionKey ?? '', password ?? ''].filter((secret) => secret !== '');
}
