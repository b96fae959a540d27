import { checkEncVersion, codecFor } from '../../data/codec/codec-for.ts';
import { masterKeyOf, unwrapKey } from '../../data/codec/key-wrap.ts';
import { BackyError } from '../../errors.ts';
import type { SealedBlock } from '../../model/blob.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';

/** Wrapped keys that are tried, since one alone may be damaged. */
const SAMPLE = 16;
/** If none of this many wrapped keys of a version fits, that is no damage. */
const TOO_MANY_TO_BE_DAMAGED = 4;

/**
 * Proves, before anything is written, that new blobs can be encrypted and that stored blobs have
 * the same key. Otherwise parts of a store would need different keys. Costs up to 0.1 s if nothing
 * is encrypted yet.
 */
export async function proveKeyForWriting({ meta, settings: { encryption } }: Context): Promise<void> {
  if (encryption.version === 0) return;
  // Fails now if a library is missing.
  codecFor(encryption.version, encryption);
  const sealed = await meta.sampleSealedBlocks(SAMPLE);
  if (sealed.length > 0 && !fitsAny(encryption.key, sealed)) throw wrongKey('this database');
}

/**
 * Proves that the configured key fits the blocks of a version. With a wrong key, or none, every
 * block would look damaged, and all versions would be marked invalid.
 */
export async function proveKeyForReading({ meta, settings: { encryption } }: Context, version: TaggedVersion): Promise<void> {
  const sealed = await meta.sealedBlocks(version, SAMPLE);
  for (const { encVersion } of sealed) checkEncVersion(encVersion, encryption.key);
  if (sealed.length === 0 || fitsAny(encryption.key, sealed)) return;
  // A few may all be damaged. Then other versions decide.
  const others = sealed.length < TOO_MANY_TO_BE_DAMAGED ? await meta.sampleSealedBlocks(SAMPLE) : [];
  if (!fitsAny(encryption.key, others)) throw wrongKey(`version ${version.uid}`);
}

/** The same for a sample of the blocks of all versions. */
export async function proveKeyForReadingAll({ meta, settings: { encryption } }: Context): Promise<void> {
  const sealed = await meta.sampleSealedBlocks(SAMPLE);
  for (const { encVersion } of sealed) checkEncVersion(encVersion, encryption.key);
  if (sealed.length > 0 && !fitsAny(encryption.key, sealed)) throw wrongKey('this database');
}

/** Whether the key unwraps the data key of any of these blocks. */
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
