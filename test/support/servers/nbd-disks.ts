import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, silentLogger } from '../../../src/logger.ts';
import type { NbdDisk, NbdExport, NbdExports } from '../../../src/nbd/disk.ts';
import { listenNbd, type NbdServer, type NbdServerOptions } from '../../../src/nbd/server.ts';

/** A disk of zeros that passes each call to `note`. */
export function notingDisk(note: (...call: unknown[]) => void = () => {}): NbdDisk {
  return {
    read: async (offset, length, take) => take({ kind: 'zeros', offset, length }),
    write: async (offset, bytes, isForced) => note('write', offset, bytes.toString(), isForced),
    writeZeros: async (offset, length, isForced) => note('writeZeros', offset, length, isForced),
    trim: async (offset, length, isForced) => note('trim', offset, length, isForced),
    flush: async () => note('flush'),
    cache: async (offset, length) => note('cache', offset, length),
    extents: async (_, length) => [{ length, isZero: true }],
    close: async (isClean) => note('close', isClean),
  };
}

/** An export of such a disk. */
export function exportOf(disk: NbdDisk, change: Partial<NbdExport> = {}): NbdExport {
  return { sizeBytes: 8192, isReadOnly: false, description: '', preferredBytes: 4096, open: async () => disk, ...change };
}

/** An NBD server in this process, on a socket in a folder of its own. */
export class NbdTestServer {
  readonly path: string;
  readonly warnings: string[];
  readonly #folder: string;
  readonly #server: NbdServer;

  private constructor(folder: string, { server, warnings }: { server: NbdServer; warnings: string[] }) {
    this.#folder = folder;
    this.path = join(folder, 'socket');
    this.#server = server;
    this.warnings = warnings;
  }

  static async start(exports: Partial<NbdExports>, options: Partial<NbdServerOptions> = {}): Promise<NbdTestServer> {
    const folder = mkdtempSync(join(tmpdir(), 'backy2-nbd-'));
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warning: (text) => void warnings.push(text) };
    const all: NbdExports = { list: async () => [], find: async () => exportOf(notingDisk()), ...exports };
    const server = await listenNbd({ path: join(folder, 'socket') }, { exports: all, logger, ...options });
    return new NbdTestServer(folder, { server, warnings });
  }

  async close(): Promise<void> {
    await this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
