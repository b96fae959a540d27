import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { BackyError, messageOf } from '../../errors.ts';
import { readRegularFile } from '../../native/read-regular-file.ts';
import { isAboutEncryption } from './database-errors.ts';
import type { LibpqOption, ServerAddress } from './engine-url.ts';

/** How to connect to the server: false is without TLS. */
export type Encryption = ConnectionOptions | false;

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];

/**
 * The ways that libpq would try for `sslmode`, in its order. `prefer`, the default, checks no
 * certificate. `require` checks it if there is a file with root certificates. `verify-*` use the
 * roots of the system if there is no such file.
 * @throws BackyError `config` for an unknown mode or an unreadable file.
 */
export function encryptionsToTry({ host, options }: ServerAddress): Encryption[] {
  const mode = options.get('sslmode') ?? 'prefer';
  if (!MODES.includes(mode)) throw wrong(`sslmode "${mode}" is not one of ${MODES.join(', ')}`);
  if (mode === 'disable' || host.startsWith('/')) return [false];
  if (mode === 'allow') return [false, { rejectUnauthorized: false }];
  const roots = file(options, 'sslrootcert', '.postgresql/root.crt');
  const cert = file(options, 'sslcert', '.postgresql/postgresql.crt');
  const key = file(options, 'sslkey', '.postgresql/postgresql.key');
  const own: ConnectionOptions = { ...(cert && { cert }), ...(key && { key }) };
  if (mode === 'prefer') return [{ ...own, rejectUnauthorized: false }, false];
  if (mode === 'require' && roots === undefined) return [{ ...own, rejectUnauthorized: false }];
  const checked: ConnectionOptions = { ...own, ...(roots && { ca: roots }) };
  return [mode === 'verify-full' ? checked : { ...checked, checkServerIdentity: () => undefined }];
}

/** Connects in the first way that the server accepts. @throws the error of `connect`. */
export async function connectInAnyWay<T>(address: ServerAddress, connect: (encryption: Encryption) => Promise<T>): Promise<T> {
  const ways = encryptionsToTry(address);
  for (const encryption of ways.slice(0, -1)) {
    try {
      return await connect(encryption);
    } catch (error) {
      if (!isAboutEncryption(error)) throw error;
    }
  }
  return connect(ways.at(-1) ?? false);
}

function file(options: ReadonlyMap<LibpqOption, string>, name: LibpqOption, initial: string): string | undefined {
  const given = options.get(name);
  // libpq's word for the roots of the system.
  if (given === 'system') return undefined;
  const path = given ?? join(homedir(), initial);
  if (given === undefined && !existsSync(path)) return undefined;
  try {
    return readRegularFile(path);
  } catch (error) {
    throw wrong(`${name}: ${messageOf(error)}`);
  }
}

function wrong(problem: string): BackyError {
  return new BackyError('config', `[MetaBackend] engine: ${problem}.`);
}
