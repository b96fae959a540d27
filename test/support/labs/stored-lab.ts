import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GOLDEN_ROOT } from '../../recordings/location.ts';
import { PATH_WITH_SBIN, type Result, tool } from '../program/process.ts';
import { runProgram } from '../program/run.ts';

/** A version in a store's manifest. Optional fields depend on the release that made the store. */
export interface ManifestVersion {
  uid: string;
  /** Path below the store. */
  source: string;
  sha256: string;
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
  versions: ManifestVersion[];
}

/** The folder of a store that an original release wrote. */
export function storeFolder(name: string): string {
  return join(GOLDEN_ROOT, 'stores', name);
}

/**
 * A copy of a store that an original release wrote, with its config, sources and exports. The real
 * binary runs in it.
 */
export class StoredLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'backy2-store-'));
  readonly manifest: Manifest;

  /** Copies the store; it may be read-only. */
  static async of(name: string): Promise<StoredLab> {
    const lab = new StoredLab(name);
    await tool('chmod', '-R', 'u+w', lab.folder);
    return lab;
  }

  private constructor(name: string) {
    cpSync(storeFolder(name), this.folder, { recursive: true });
    this.manifest = JSON.parse(this.read('manifest.json').toString()) as Manifest;
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

  /** Writes a config file like the store's, with `edit` applied to its text. */
  config(name: string, edit: (text: string) => string): void {
    writeFileSync(this.path(name), edit(this.read('backy.cfg').toString()), { mode: 0o600 });
  }

  /** Runs the program in the store's folder. */
  run(args: readonly string[], config = 'backy.cfg'): Promise<Result> {
    const env = { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', TZ: 'UTC', HOME: this.folder };
    return runProgram(['-c', config, ...args], { env, cwd: this.folder });
  }

  /** Runs a command with `--json`. */
  async json(args: readonly string[], config = 'backy.cfg'): Promise<{ code: number | null; document: unknown }> {
    const { code, stdout } = await this.run(['--json', ...args], config);
    return { code, document: stdout === '' ? undefined : JSON.parse(stdout) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
