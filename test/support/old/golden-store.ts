import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256OfFile } from '../images/sha256.ts';
import { PATH_WITH_SBIN, type Result } from '../program/process.ts';
import { runProgram } from '../program/run.ts';
import type { Need } from '../runner/machine.ts';

/** The folder of the stores that the original wrote; they are not part of the project. */
export const STORES = join(
  process.env.BACKY_GOLDEN ?? resolve(fileURLToPath(new URL('../../../../shared/golden', import.meta.url))),
  'stores',
);

/** A version in the manifest of a store; some stores record more than others. */
export interface ManifestVersion {
  uid: string;
  name: string;
  size: number;
  size_bytes: number;
  valid: number;
  /** The file that was backed up, or a null source. */
  source: string;
  /** Of the restored bytes; absent if it cannot be restored. */
  sha256?: string | null;
  /** The damaged block, of a version that was damaged on purpose. */
  damaged_block?: number;
}

/** The manifest of a store. */
interface Manifest {
  block_size: number;
  /** The revision of its database; null if it has none. */
  alembic: string | null;
  versions: ManifestVersion[];
}

/** Skips, or fails in CI, if the stores are missing. */
export function needStores(): Need {
  return { what: `stores in ${STORES} (BACKY_GOLDEN)`, available: existsSync(STORES) };
}

/** A copy of a store, in which the real binary works as in the original's place. */
export class GoldenStore {
  readonly folder = mkdtempSync(join(tmpdir(), 'backy2-store-'));
  readonly manifest: Manifest;

  private constructor(name: string, extraDefaults: readonly string[]) {
    cpSync(join(STORES, name), this.folder, { recursive: true });
    makeWritable(this.folder);
    this.manifest = JSON.parse(readFileSync(this.path('manifest.json'), 'utf8')) as Manifest;
    mkdirSync(this.path('locks'), { recursive: true });
    this.configure((text) => text.replace('[DEFAULTS]', ['[DEFAULTS]', ...extraDefaults].join('\n')));
  }

  /** @param extraDefaults lines for section DEFAULTS of its config file. */
  static copy(name: string, extraDefaults: readonly string[] = []): GoldenStore {
    return new GoldenStore(name, extraDefaults);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file. @returns its name. */
  write(name: string, text: string): string {
    writeFileSync(this.path(name), text);
    return name;
  }

  configure(edit: (text: string) => string): void {
    writeFileSync(this.path('backy.cfg'), edit(readFileSync(this.path('backy.cfg'), 'utf8')));
  }

  run(...args: string[]): Promise<Result> {
    const env = { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', TZ: 'UTC', HOME: this.folder };
    return runProgram(['-c', 'backy.cfg', ...args], { cwd: this.folder, env });
  }

  /** Runs a command that must succeed. @returns its stdout. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`backy2 ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Restores a version. @returns the sha256 of the restored bytes. */
  async restoredSha256(uid: string): Promise<string> {
    await this.ok('restore', uid, `file://restored-${uid}`);
    const sum = sha256OfFile(this.path(`restored-${uid}`));
    rmSync(this.path(`restored-${uid}`));
    return sum;
  }

  /** Uids of the versions with exports in the store. */
  exports(): string[] {
    return readdirSync(this.path('exports')).map((name) => name.replace(/\.csv$/, ''));
  }

  blobCount(): number {
    return readdirSync(this.path('data'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.blob')).length;
  }

  /** Replaces the database by an empty one; the blobs stay. */
  async withEmptyDatabase(): Promise<void> {
    for (const name of readdirSync(this.folder)) if (name.startsWith('backy.sqlite')) rmSync(this.path(name));
    await this.ok('initdb');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The stores may be read-only. */
function makeWritable(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(folder, entry.name));
    else chmodSync(join(folder, entry.name), 0o644);
  }
}
