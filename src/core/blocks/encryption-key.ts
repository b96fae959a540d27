import { checkEncVersion, codecFor } from '../../data/codec/codec-for.ts';
import { masterKeyOf, unwrapKey } from '../../data/codec/key-wrap.ts';
import type { EncryptionOptions } from '../../data/options.ts';
import { BackyError } from '../../errors.ts';
import type { SealedBlock } from '../../model/blob.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';

/** Wrapped keys that are tried, since one alone may be damaged. */
const SAMPLE = 16;
/** If none of this many wrapped keys of a version fits, that is no damage. */
const TOO_MANY_TO_BE_DAMAGED = 4;

/** Settings whose run was warned. `nbd --save` and `backup --auto` write several versions. */
const warned = new WeakSet<EncryptionOptions>();

/**
 * Proves, before anything is written, that new blobs can be encrypted and that stored blobs have
 * the same key. Otherwise parts of a store would need different keys. Without any setting, plain
 * blobs are written where nothing is encrypted (docs/spec/formats.md §4). Costs up to 0.1 s if
 * nothing is encrypted yet.
 */
export async function proveKeyForWriting({ meta, logger, settings: { encryption } }: Context): Promise<void> {
  if (encryption.version === 0 && encryption.isAssumed !== true) return;
  if (encryption.version !== 0 && encryption.key === undefined) throw keyIsMissing();
  // Fails now if a library is missing.
  codecFor(encryption.version, encryption);
  const sealed = await meta.sampleSealedBlocks(SAMPLE);
  if (encryption.isAssumed === true) {
    if (sealed.length > 0) throw keyIsLost();
    if (!warned.has(encryption)) logger.warning(WRITES_PLAIN);
    warned.add(encryption);
  } else if (sealed.length > 0 && !fitsAny(encryption.key, sealed)) throw wrongKey('this database');
}

const WRITES_PLAIN =
  'New blobs are not encrypted: neither encryption_key nor encryption_version is set in section DEFAULTS. Set encryption_version: 0 to confirm this, or encryption_key to encrypt.';

function keyIsMissing(): BackyError {
  return new BackyError('config', 'encryption_version is 1, but there is no encryption_key. Nothing was written.', {
    hint: 'Set encryption_key in section DEFAULTS to 64 hex digits (32 bytes), or set encryption_version: 0.',
  });
}

function keyIsLost(): BackyError {
  return new BackyError(
    'config',
    'This database has encrypted blocks, but neither encryption_key nor encryption_version is set. Nothing was written.',
    {
      hint: 'Set encryption_key in section DEFAULTS to the key of these blocks. To write plain blobs, set encryption_version: 0.',
    },
  );
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
