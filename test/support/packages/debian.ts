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
  readonly #started: Running[] = [];

  private constructor(readonly folder: string) {}

  /** @param suite e.g. bookworm. @param packages in addition to the minimal ones. */
  static async create(suite: string, packages: readonly string[] = []): Promise<Debian> {
    const folder = mkdtempSync(join(tmpdir(), `backy2-${suite}-`));
    const include = packages.length === 0 ? [] : [`--include=${packages.join(',')}`];
    const command = ['debootstrap', '--variant=minbase', ...include, suite, folder, MIRROR];
    const debian = new Debian(folder);
    try {
      const { code, stdout } = await new Running(command, { env: { ...ENV }, timeoutMs: LIMIT_MS }).ended;
      if (code !== 0) throw new Error(`debootstrap ended with ${code}: ${stdout}`);
      // The package looks there for processes that run from an older version.
      await tool('mount', '-t', 'proc', 'proc', `${folder}/proc`);
    } catch (error) {
      await debian.remove();
      throw error;
    }
    return debian;
  }

  /** Ends what was started and still runs, or is stopped. Leaves no mount and no file. */
  async remove(): Promise<void> {
    for (const one of this.#started.filter(({ hasEnded }) => !hasEnded)) {
      one.kill('SIGKILL');
      await one.ended.catch(() => undefined);
    }
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    const points = mounts.flatMap((line) => line.split(' ').slice(1, 2)).filter((point) => point.startsWith(`${this.folder}/`));
    for (const point of points.reverse()) await tool('umount', '--lazy', point);
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

  /** Starts a program, without a shell: signals reach it. */
  start(command: readonly string[], { env = {}, ...options }: StartOptions = {}): Running {
    const running = new Running(['chroot', this.folder, ...command], {
      ...{ timeoutMs: LIMIT_MS, ...options },
      env: { ...ENV, ...env },
    });
    this.#started.push(running);
    return running;
  }

  /** Runs a line of shell in root's home. */
  run(line: string, options: StartOptions = {}): Promise<Result> {
    return this.start(['/bin/bash', '-c', `cd && ${line}`], options).ended;
  }

  /** Runs a line that must succeed. @returns its stdout. */
  async ok(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    if (code !== 0) throw new Error(`${line} ended with ${code}: ${stdout}${stderr}`);
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
