import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Result, Running, type StartOptions, tool } from '../program/process.ts';

const MIRROR = 'http://deb.debian.org/debian';
const LIMIT_MS = 600_000;
const ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  DEBIAN_FRONTEND: 'noninteractive',
};

/**
 * A minimal Debian in a folder, without Node.js, compiler and network: commands run with chroot.
 */
export class Debian {
  private constructor(readonly folder: string) {}

  /** @param suite e.g. bookworm. @param packages in addition to the minimal ones. */
  static async create(suite: string, packages: readonly string[] = []): Promise<Debian> {
    const folder = mkdtempSync(join(tmpdir(), `backy2-${suite}-`));
    const include = packages.length === 0 ? [] : [`--include=${packages.join(',')}`];
    const command = ['debootstrap', '--variant=minbase', ...include, suite, folder, MIRROR];
    const { code, stdout } = await new Running(command, { env: { ...ENV }, timeoutMs: LIMIT_MS }).ended;
    if (code !== 0) throw new Error(`debootstrap ended with ${code}: ${stdout}`);
    // The package looks there for processes that run from an older version.
    await tool('mount', '-t', 'proc', 'proc', `${folder}/proc`);
    return new Debian(folder);
  }

  async remove(): Promise<void> {
    await tool('umount', `${this.folder}/proc`);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Path of a file of this Debian, seen from outside. */
  path(name: string): string {
    return `${this.folder}${name}`;
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  write(name: string, content: string | Buffer): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  start(command: readonly string[], { env = {}, ...options }: StartOptions = {}): Running {
    return new Running(['chroot', this.folder, ...command], { timeoutMs: LIMIT_MS, ...options, env: { ...ENV, ...env } });
  }

  run(command: readonly string[], options: StartOptions = {}): Promise<Result> {
    return this.start(command, options).ended;
  }

  /** @throws Error for any exit code but 0. @returns stdout. */
  async ok(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  /** The program that a process has loaded, seen from inside; undefined while there is none. */
  programOf(pid: number): string | undefined {
    try {
      return readlinkSync(`/proc/${pid}/exe`).replace(this.folder, '');
    } catch {
      return undefined;
    }
  }
}
