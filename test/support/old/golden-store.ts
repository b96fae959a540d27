import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256OfFile } from '../images/sha256.ts';
import { PATH_WITH_SBIN, type Result } from '../program/process.ts';
import { runProgram } from '../program/run.ts';
import type { Need } from '../runner/machine.ts';
import { GOLDEN_ROOT } from './golden-root.ts';

/** A version in a store's manifest. Optional fields depend on the release that made the store. */
export interface ManifestVersion {
  uid: string;
  /** The file that was backed up, below the store, or a null source. */
  source: string;
  /** Of the whole image; absent if it cannot be restored. */
  sha256?: string | null;
  valid?: number;
  /** Its maker removed it again. */
  removed?: boolean;
  /** Its backup was killed. */
  interrupted?: boolean;
  /** The block whose blob is damaged or missing. */
  damaged_block?: number;
  date?: string;
  expire?: string | null;
  name?: string;
  snapshot_name?: string;
  size?: number;
  size_bytes?: number;
  protected?: number;
  tags?: string[];
  /** Path below the store. */
  export?: string;
}

interface Manifest {
  block_size: number;
  /** The revision of its database; null if it has none. */
  alembic?: string | null;
  versions: ManifestVersion[];
}

/** The folder of a store that an original release wrote. */
export function storeFolder(name: string): string {
  return join(GOLDEN_ROOT, 'stores', name);
}

/** For tests that need this store. */
export function needStore(name: string): Need {
  return { what: `store ${storeFolder(name)} (BACKY_GOLDEN)`, available: existsSync(storeFolder(name)) };
}

/** Whether all blobs of a version are stored and good. */
export function isWhole({ damaged_block, interrupted }: ManifestVersion): boolean {
  return damaged_block === undefined && interrupted !== true;
}

/** A copy of a store that an original release wrote. The real binary runs in its folder. */
export class GoldenStore {
  readonly folder = mkdtempSync(join(tmpdir(), 'backy2-store-'));
  readonly manifest: Manifest;

  private constructor(name: string) {
    cpSync(storeFolder(name), this.folder, { recursive: true });
    makeWritable(this.folder);
    this.manifest = JSON.parse(this.read('manifest.json').toString()) as Manifest;
    mkdirSync(this.path('locks'), { recursive: true });
    // Other users may read no key.
    chmodSync(this.path('backy.cfg'), 0o600);
  }

  static copy(name: string): GoldenStore {
    return new GoldenStore(name);
  }

  /** The versions that were not removed again. */
  get versions(): ManifestVersion[] {
    return this.manifest.versions.filter(({ removed }) => removed !== true);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  /** Writes a file. @returns its name. */
  write(name: string, text: string): string {
    writeFileSync(this.path(name), text);
    return name;
  }

  /** Writes a config file like the store's, with `edit` applied to its text. It may hold a key. */
  writeConfig(name: string, edit: (text: string) => string): void {
    writeFileSync(this.path(name), edit(this.read('backy.cfg').toString()));
    chmodSync(this.path(name), 0o600);
  }

  run(args: readonly string[], config = 'backy.cfg'): Promise<Result> {
    const env = { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', TZ: 'UTC', HOME: this.folder };
    return runProgram(['-c', config, ...args], { cwd: this.folder, env });
  }

  /** Runs a command with `--json`. */
  async json(...args: string[]): Promise<{ code: number | null; document: unknown }> {
    const { code, stdout } = await this.run(['--json', ...args]);
    return { code, document: stdout === '' ? undefined : JSON.parse(stdout) };
  }

  /** Runs a command that must succeed. @returns its stdout. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
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

  /** Replaces the database by an empty one; the blobs stay, and the catalogue goes. */
  async withEmptyDatabase(): Promise<void> {
    rmSync(this.path('data/backy2-catalogue'), { recursive: true, force: true });
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
