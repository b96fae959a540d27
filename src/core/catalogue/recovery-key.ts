import type { RecoveryKey, RecoverySource } from '../../data/catalogue/catalogue.ts';
import type { RecoveryOptions } from '../../data/options.ts';
import { BackyError, messageOf } from '../../errors.ts';
import { readRegularFile } from '../../native/read-regular-file.ts';
import type { Context } from '../context.ts';

/** The configured recovery key, which is read when it is needed; undefined if there is none. */
export function recoverySourceOf({ settings }: Pick<Context, 'settings'>): RecoverySource | undefined {
  const { recovery } = settings.encryption;
  if (recovery === undefined) return undefined;
  return { by: recovery.by === 'key' ? 'recovery-file' : 'recovery-passphrase', read: async () => readRecoveryKey(recovery) };
}

/** @throws BackyError `config` if the file can't be read, or holds no key. */
function readRecoveryKey({ by, file }: RecoveryOptions): RecoveryKey {
  const option = `recovery_${by}_file in section DEFAULTS`;
  let text: string;
  try {
    text = readRegularFile(file);
  } catch (cause) {
    throw new BackyError('config', `Cannot read ${option}: ${messageOf(cause)}`, {
      hint: 'Check the path and the permissions of the file.',
      cause,
    });
  }
  const [line = ''] = text.split(/\r?\n/);
  if (by === 'passphrase' && line !== '') return { passphrase: line };
  if (by === 'key' && /^[0-9a-f]{64}$/i.test(text.trim())) return { hex: text.trim().toLowerCase() };
  throw new BackyError('config', `${file} (${option}) must hold ${WANTED[by]}.`);
}

const WANTED = {
  key: '64 hex digits (32 bytes), as "openssl rand -hex 32" prints them, and nothing else',
  passphrase: 'a passphrase on its first line',
};
