import { type Ini, parseIni } from './ini.ts';
import type { ConfigFile } from './lookup.ts';
import { rawValue } from './values.ts';

/** Options that are a secret, or hold one. */
const SECRETS: [section: string, option: string, isSecret: (text: string) => boolean][] = [
  ['DEFAULTS', 'encryption_key', (text) => text !== ''],
  ['MetaBackend', 'engine', (text) => /^[^:]*:\/\/[^/@]*:[^@]+@|[?&]password=./.test(text)],
  ['DataBackend', 'aws_secret_access_key', (text) => text !== ''],
];

/** A warning for each config file that has a secret in it which every user of the host may read. */
export function exposedWarnings(files: readonly ConfigFile[]): string[] {
  return files.flatMap((file) => {
    if (!file.openToAll) return [];
    const exposed = secretsIn(parseIni(file.text, file.name));
    if (exposed.length === 0) return [];
    return [`${file.name}: every user of this host can read it, and with it ${exposed.join(', ')}; do: chmod o-r ${file.name}`];
  });
}

function secretsIn(ini: Ini): string[] {
  return SECRETS.filter(([section, option, isSecret]) => isSecret(rawValue(ini, section, option)?.text ?? '')).map(
    ([section, option]) => `[${section}] ${option}`,
  );
}
