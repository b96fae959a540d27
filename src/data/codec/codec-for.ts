import { BackyError } from '../../errors.ts';
import type { EncryptionOptions } from '../options.ts';
import type { BlobCodec } from './codec.ts';
import { masterKeyOf } from './key-wrap.ts';
import { plainCodec } from './plain-codec.ts';
import { SealedCodec } from './sealed-codec.ts';

/** The configuration of {@link codecFor}. */
type CodecOptions = Omit<EncryptionOptions, 'version'>;

/** The codec of an `enc_version`, for the calling thread. Throws as {@link checkEncVersion}. */
export function codecFor(encVersion: number, { key, compressionLevel }: CodecOptions): BlobCodec {
  checkEncVersion(encVersion, key);
  return encVersion === 0 || key === undefined ? plainCodec : new SealedCodec(masterKeyOf(key), compressionLevel);
}

/**
 * Throws when blocks of this `enc_version` can't be read or written: it is unknown, or needs a key
 * that is not configured.
 */
export function checkEncVersion(encVersion: number, key: string | undefined): void {
  if (encVersion === 0) return;
  if (encVersion !== 1) {
    throw new BackyError('encryption', `Blocks of encryption version ${encVersion} can't be read by this release.`, {
      hint: 'Versions 0 and 1 are known. Nothing was changed.',
    });
  }
  if (key !== undefined) return;
  throw new BackyError('encryption', 'There are encrypted blocks (encryption version 1), but no encryption_key is configured.', {
    hint: 'Set encryption_key in section DEFAULTS to the 64 hex digits that they were encrypted with. Nothing was changed.',
  });
}
