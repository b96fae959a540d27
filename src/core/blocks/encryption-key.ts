import { checkEncVersion, codecFor } from '../../data/codec/codec-for.ts';
import { masterKeyOf, unwrapKey } from '../../data/codec/key-wrap.ts';
import { BackyError } from '../../errors.ts';
import type { SealedBlock } from '../../model/blob.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';

/** Wrapped keys that are tried: one alone could be damaged. */
const SAMPLE = 16;
/** So many wrapped keys of one version, and none that fits, are no damage. */
const TOO_MANY_TO_BE_DAMAGED = 4;

/**
 * Proves, before anything is written, that new blobs can be made and that the configured key is the one of the blobs that are there:
 * else half of a store would need one key and half another. Costs up to a tenth of a second where nothing is encrypted yet.
 */
export async function proveKeyForWriting({ meta, settings: { encryption } }: Context): Promise<void> {
  if (encryption.version === 0) return;
  // A library that is missing is better found now.
  codecFor(encryption.version, encryption);
  const sealed = await meta.sampleSealedBlocks(SAMPLE);
  if (sealed.length > 0 && !fitsAny(encryption.key, sealed)) throw wrongKey('this database');
}

/**
 * Proves that the blocks of a version can be decrypted, as far as the key goes. With a wrong key, or none, every block would look
 * damaged, and all versions would be marked invalid.
 */
export async function proveKeyForReading({ meta, settings: { encryption } }: Context, version: TaggedVersion): Promise<void> {
  const sealed = await meta.sealedBlocks(version, SAMPLE);
  for (const { encVersion } of sealed) checkEncVersion(encVersion, encryption.key);
  if (sealed.length === 0 || fitsAny(encryption.key, sealed)) return;
  // Of a few, each may be damaged; then the other versions tell.
  const others = sealed.length < TOO_MANY_TO_BE_DAMAGED ? await meta.sampleSealedBlocks(SAMPLE) : [];
  if (!fitsAny(encryption.key, others)) throw wrongKey(`version ${version.uid}`);
}

/** The same for the blocks of all versions, as far as a sample of them tells. */
export async function proveKeyForReadingAll({ meta, settings: { encryption } }: Context): Promise<void> {
  const sealed = await meta.sampleSealedBlocks(SAMPLE);
  for (const { encVersion } of sealed) checkEncVersion(encVersion, encryption.key);
  if (sealed.length > 0 && !fitsAny(encryption.key, sealed)) throw wrongKey('this database');
}

/** Whether the key unwraps one of these blocks' data keys. */
export function fitsAny(key: string | undefined, sealed: readonly SealedBlock[]): boolean {
  if (key === undefined) return false;
  const masterKey = masterKeyOf(key);
  return sealed.some(({ envKey }) => unwrapKey(masterKey, envKey) !== undefined);
}

function wrongKey(what: string): BackyError {
  return new BackyError('encryption', `The configured encryption_key is not the one that ${what} was encrypted with.`, {
    hint: 'Nothing was changed. Set encryption_key in section DEFAULTS to the right key, or change the keys with: backy2 rekey',
  });
}
