import { BackyError } from '../errors.ts';
import type { Config } from './config.ts';
import type { Ini } from './ini.ts';
import { type Kind, path } from './kinds.ts';
import { readOption } from './section.ts';

const SECTION = 'DEFAULTS';
const OPTION = 'encryption_key';
const NEWEST = 1;

const key: Kind<string> = {
  allowed: '64 hex digits (32 bytes)',
  parse: (text) => (text === '' || /^[0-9a-f]{64}$/i.test(text) ? text : undefined),
  show: () => 'the value (not shown)',
};

type Encryption = Pick<Config, 'encryptionKey' | 'encryptionVersion' | 'encryptionAssumed' | 'recovery'>;

/**
 * Decides the encryption version for new blobs (docs/spec/formats.md §4). If `version` is
 * undefined, a key means the newest and no key means 0. A version that lacks its key is no error
 * here: only writing needs it. With 0, a valid key is kept for reading encrypted blocks, and a
 * malformed one is ignored.
 */
export function readEncryption(ini: Ini, version: 0 | 1 | undefined): Encryption {
  const encryptionKey = version === 0 ? readKeyIfGood(ini) : readKey(ini);
  const fallback = encryptionKey === undefined ? 0 : NEWEST;
  return {
    encryptionKey,
    encryptionVersion: version ?? fallback,
    encryptionAssumed: version === undefined && encryptionKey === undefined,
    recovery: readRecovery(ini),
  };
}

/** One of two options. @throws BackyError `config` if both are set. */
function readRecovery(ini: Ini): Config['recovery'] {
  const [key, passphrase] = ['recovery_key_file', 'recovery_passphrase_file'].map((option) =>
    readOption(ini, { section: SECTION, option }, path),
  );
  if (key && passphrase)
    throw new BackyError('config', '[DEFAULTS] has both recovery_key_file and recovery_passphrase_file.', {
      hint: 'Leave one of them out.',
    });
  if (key) return { by: 'key', file: key };
  return passphrase ? { by: 'passphrase', file: passphrase } : undefined;
}

function readKey(ini: Ini): string | undefined {
  return readOption(ini, { section: SECTION, option: OPTION }, key) || undefined;
}

function readKeyIfGood(ini: Ini): string | undefined {
  try {
    return readKey(ini);
  } catch (error) {
    if (error instanceof BackyError) return undefined;
    throw error;
  }
}
