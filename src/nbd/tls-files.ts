import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type TlsOptions } from 'node:tls';
import { BackyError, errnoOf, messageOf } from '../errors.ts';
import { readRegularFile } from '../native/read-regular-file.ts';

/** Files for TLS, with nbdkit's names and formats. */
export type TlsFiles =
  | {
      /** Folder with `server-cert.pem`, `server-key.pem`, `ca-cert.pem`, and maybe `ca-crl.pem`. */
      certificates: string;
      /** Clients must have a certificate of the CA. */
      verifyPeer: boolean;
    }
  | {
      /** File with a line `user:hexkey` for each client. */
      psk: string;
    };

/** Options of TLS, and warnings about its files. */
export interface LoadedTls {
  options: TlsOptions;
  warnings: string[];
}

/**
 * Suites with pre-shared keys and forward secrecy. Node has them for TLS 1.2 only. AES is for
 * clients without ChaCha20.
 */
const PSK_CIPHERS = [
  'ECDHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-AES256-GCM-SHA384',
  'DHE-PSK-AES128-GCM-SHA256',
  'ECDHE-PSK-AES256-CBC-SHA384',
].join(':');

/** Reads the files. Throws a BackyError if one is missing or can't be used. */
export function loadTls(files: TlsFiles): LoadedTls {
  return 'psk' in files ? loadKeys(files.psk) : loadCertificates(files);
}

function loadCertificates({ certificates, verifyPeer }: { certificates: string; verifyPeer: boolean }): LoadedTls {
  const path = (name: string) => join(certificates, name);
  const crl = readOptional(path('ca-crl.pem'));
  const pair = { cert: read(path('server-cert.pem')), key: read(path('server-key.pem')) };
  const options = verifyPeer ? { ...pair, ca: read(path('ca-cert.pem')), ...(crl !== undefined && { crl }) } : pair;
  try {
    createSecureContext(options);
  } catch (error) {
    throw new BackyError('failed', `Cannot use the certificates in ${certificates}: ${messageOf(error)}`, {
      hint: 'server-cert.pem must belong to server-key.pem, and all files must be PEM. The key must have no password.',
      data: { path: certificates },
      cause: error,
    });
  }
  return {
    // The connection refuses unknown clients itself, since it can say why.
    options: { ...options, requestCert: verifyPeer, rejectUnauthorized: false },
    warnings: exposedWarnings(path('server-key.pem')),
  };
}

function loadKeys(path: string): LoadedTls {
  const keys = parseKeys(read(path), path);
  return {
    options: {
      ciphers: PSK_CIPHERS,
      dhparam: 'auto',
      maxVersion: 'TLSv1.2',
      pskCallback: (_, user) => keys.get(user) ?? null,
    },
    warnings: exposedWarnings(path),
  };
}

function parseKeys(text: string, path: string): Map<string, Buffer> {
  const keys = new Map<string, Buffer>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const colon = line.lastIndexOf(':');
    const key = line.slice(colon + 1).trim();
    if (colon < 1 || !/^([0-9a-f]{2})+$/i.test(key))
      throw new BackyError('failed', `${path}: line ${index + 1} is not user:hexkey.`, { hint: HOW_TO_MAKE, data: { path } });
    keys.set(line.slice(0, colon), Buffer.from(key, 'hex'));
  }
  if (keys.size > 0) return keys;
  throw new BackyError('failed', `${path} holds no key.`, { hint: HOW_TO_MAKE, data: { path } });
}

const HOW_TO_MAKE = 'Make a key with: psktool -u USER -p FILE';

function read(path: string): string {
  try {
    return readRegularFile(path);
  } catch (error) {
    throw new BackyError('failed', `Cannot read ${path}, which TLS needs: ${messageOf(error)}`, {
      hint: 'Check the path, and the permissions. docs/open-a-backup.md says how to make the files.',
      data: { path },
      cause: error,
    });
  }
}

function readOptional(path: string): string | undefined {
  try {
    return read(path);
  } catch (error) {
    if (error instanceof BackyError && errnoOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

function exposedWarnings(path: string): string[] {
  if ((statSync(path).mode & 0o004) === 0) return [];
  return [`${path}: every user of this host can read this key. Fix it with: chmod o-r ${path}`];
}
