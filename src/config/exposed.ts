import { type Ini, parseIni } from './ini.ts';
import type { ConfigFile } from './lookup.ts';
import { rawValue } from './values.ts';

/** Options that are or contain a secret. */
const SECRETS: [section: string, option: string, isSecret: (text: string) => boolean][] = [
  ['DEFAULTS', 'encryption_key', (text) => text !== ''],
  ['MetaBackend', 'engine', (text) => /^[^:]*:\/\/[^/@]*:[^@]+@|[?&]password=./.test(text)],
  ['DataBackend', 'aws_secret_access_key', (text) => text !== ''],
];

/** A warning for each config file with a secret that every user of the host can read. */
export function exposedWarnings(files: readonly ConfigFile[]): string[] {
  return files.flatMap((file) => {
    if (!file.openToAll) return [];
    const exposed = secretsIn(parseIni(file.text, file.name));
    if (exposed.length === 0) return [];
    return [`${file.name}: every user of this host can read ${exposed.join(', ')}. Fix it with: chmod o-r ${file.name}`];
  });
}

function secretsIn(ini: Ini): string[] {
  return SECRETS.filter(([section, option, isSecret]) => isSecret(rawValue(ini, section, option)?.text ?? '')).map(
    ([section, option]) => `[${section}] ${option}`,
  );
}
