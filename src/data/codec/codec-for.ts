import { BackyError } from '../../errors.ts';
import type { BlobCodec } from './codec.ts';
import { plainCodec } from './plain-codec.ts';

/** The codec of an `enc_version`; a version that this release does not know is an error that says so. */
export function codecFor(encVersion: number): BlobCodec {
  if (encVersion === 0) return plainCodec;
  throw new BackyError('failed', `Blocks of encryption version ${encVersion} can't be read by this release.`, {
    hint: 'Only encryption version 0 is available.',
  });
}
