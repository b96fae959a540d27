import { BackyError } from '../errors.ts';
import type { Config } from './config.ts';
import type { Ini } from './ini.ts';
import type { Kind } from './kinds.ts';
import { readOption } from './section.ts';
import { optionError } from './values.ts';

const SECTION = 'DEFAULTS';
const OPTION = 'encryption_key';
const NEWEST = 1;

const key: Kind<string> = {
  allowed: '64 hex digits (32 bytes)',
  parse: (text) => (text === '' || /^[0-9a-f]{64}$/i.test(text) ? text : undefined),
  show: () => 'the value (not shown)',
};

/**
 * Decides the encryption version for new blobs (docs/spec/formats.md §4): the newest if `version`
 * is undefined. Any version but 0 needs a key. With 0, a valid key is kept for reading encrypted
 * blocks, and a malformed one is ignored.
 */
export function readEncryption(ini: Ini, version: 0 | 1 | undefined): Pick<Config, 'encryptionKey' | 'encryptionVersion'> {
  if (version === 0) return { encryptionKey: readKeyIfGood(ini), encryptionVersion: 0 };
  const encryptionKey = readKey(ini);
  if (encryptionKey === undefined) {
    const why =
      version === undefined ? 'blocks are encrypted without encryption_version' : `encryption version ${version} needs it`;
    const problem = `is missing, and ${why}; set encryption_key to ${key.allowed}, or set encryption_version: 0.`;
    throw optionError(ini, { section: SECTION, option: OPTION, problem });
  }
  return { encryptionKey, encryptionVersion: version ?? NEWEST };
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
