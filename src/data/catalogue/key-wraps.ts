import { createHash, createHmac, randomBytes, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { masterKeyOf, unwrapKey, wrapKey } from '../codec/key-wrap.ts';
import { derive } from './catalogue-key.ts';
import type { RecoveryKey } from './types.ts';

/** The catalogue key, wrapped by another key (docs/spec/formats.md §10). */
export interface KeyWrap {
  by: 'master' | 'recovery-file' | 'recovery-passphrase';
  /** Tells keys apart, without help for guessing them: 16 hex digits. */
  fingerprint: string;
  /** By RFC 3394, in hex. */
  wrapped: string;
  /** Of a passphrase. */
  scrypt?: { salt: string; N: number; r: number; p: number };
}

/** Takes 128 MiB and half a second: what a guess costs. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 };
/** A damaged or forged object must not take all memory. */
const MOST_MEMORY = 1024 * 1024 * 1024;
const SALT_BYTES = 16;

/** Tells keys of 64 hex digits apart: 16 hex digits. For recovery sheets as well. */
export function fingerprintOf(keyHex: string): string {
  return createHash('sha256').update('backy2-key-fingerprint').update(masterKeyOf(keyHex)).digest('hex').slice(0, 16);
}

/** Wraps the catalogue key with a master key. */
export function wrapByMaster(catalogueKey: Buffer, masterKey: string): KeyWrap {
  return { by: 'master', fingerprint: fingerprintOf(masterKey), wrapped: wrapKey(masterKeyOf(masterKey), catalogueKey) };
}

/** The catalogue key; undefined if none of the wraps is by this master key. */
export function unwrapByMaster(wraps: readonly KeyWrap[], masterKey: string): Buffer | undefined {
  return firstOf(
    wraps.filter(({ by }) => by === 'master'),
    ({ wrapped }) => unwrapKey(masterKeyOf(masterKey), wrapped),
  );
}

/** Wraps the catalogue key with a recovery key. Half a second for a passphrase. */
export async function wrapByRecovery(catalogueKey: Buffer, recovery: RecoveryKey): Promise<KeyWrap> {
  const fingerprint = recoveryFingerprint(catalogueKey, recovery);
  if ('hex' in recovery) {
    return { by: 'recovery-file', fingerprint, wrapped: wrapKey(masterKeyOf(recovery.hex), catalogueKey) };
  }
  const parameters = { salt: randomBytes(SALT_BYTES).toString('hex'), ...SCRYPT };
  const key = await stretch(recovery.passphrase, parameters);
  return { by: 'recovery-passphrase', fingerprint, wrapped: wrapKey(key, catalogueKey), scrypt: parameters };
}

/** The catalogue key; undefined if none of the wraps is by this recovery key. */
export async function unwrapByRecovery(wraps: readonly KeyWrap[], recovery: RecoveryKey): Promise<Buffer | undefined> {
  for (const { by, wrapped, scrypt: parameters } of wraps) {
    const isFile = 'hex' in recovery;
    if (by !== (isFile ? 'recovery-file' : 'recovery-passphrase')) continue;
    if (!isFile && !isBearable(parameters)) continue;
    const key = isFile
      ? masterKeyOf(recovery.hex)
      : await stretch(recovery.passphrase, parameters as Required<KeyWrap>['scrypt']);
    const opened = unwrapKey(key, wrapped);
    if (opened !== undefined) return opened;
  }
  return undefined;
}

/** Whether a wrap is by this recovery key. Quick. */
export function isByRecovery({ fingerprint }: KeyWrap, catalogueKey: Buffer, recovery: RecoveryKey): boolean {
  return fingerprint === recoveryFingerprint(catalogueKey, recovery);
}

/** That of a passphrase is keyed: otherwise it would make guesses cheap. */
function recoveryFingerprint(catalogueKey: Buffer, recovery: RecoveryKey): string {
  if ('hex' in recovery) return fingerprintOf(recovery.hex);
  const key = derive(catalogueKey, 'passphrase');
  return createHmac('sha256', key).update(recovery.passphrase).digest('hex').slice(0, 16);
}

const stretched = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

function stretch(passphrase: string, { salt, N, r, p }: Required<KeyWrap>['scrypt']): Promise<Buffer> {
  // OpenSSL takes a little more than 128 * N * r.
  return stretched(passphrase.normalize('NFC'), Buffer.from(salt, 'hex'), 32, { N, r, p, maxmem: 128 * N * r * 2 });
}

function isBearable(parameters: KeyWrap['scrypt']): boolean {
  if (parameters === undefined) return false;
  const { salt, N, r, p } = parameters;
  return (
    typeof salt === 'string' && [N, r, p].every((n) => Number.isSafeInteger(n) && n > 0) && 128 * N * r <= MOST_MEMORY && p <= 16
  );
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
