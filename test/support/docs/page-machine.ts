import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PATH_WITH_SBIN, type Result, Running } from '../program/process.ts';
import type { Need } from '../runner/machine.ts';

export const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
/** Programs that stand in for those that need a booted system or a network (docs/testing.md). */
export const STAND_INS = fileURLToPath(new URL('machine/bin/', import.meta.url));
const BOOT = fileURLToPath(new URL('machine/boot.sh', import.meta.url));
/** The stand-ins come first. */
const PATH = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${dirname(process.execPath)}`;
const FOR_EVER_MS = 2 ** 31 - 1;

/**
 * Machines on which commands of the docs run word by word, as root and with the paths that a page
 * names. Each is a copy of this one: an overlay in namespaces of its own, of which nothing stays.
 * Programs of `machine/bin` stand in for those that can't run there. Needs root.
 */
export class PageMachines {
  readonly #folder = mkdtempSync(join(tmpdir(), 'backy2-machines-'));
  readonly #holder: Running;
  #pid = 0;

  private constructor(names: readonly string[]) {
    const namespaces = ['--mount', '--pid', '--uts', '--propagation', 'private', '--kill-child'];
    // Nothing of it outlives a test process that is killed.
    const unshare = ['setpriv', '--pdeathsig', 'KILL', 'unshare'];
    this.#holder = new Running([...unshare, ...namespaces, BOOT, this.#folder, CHECKOUT, ...names], {
      env: { PATH: PATH_WITH_SBIN },
      timeoutMs: FOR_EVER_MS,
    });
  }

  /** Takes half a second. @throws Error if this user or system does not allow it. */
  static async start(...names: string[]): Promise<PageMachines> {
    const machines = new PageMachines(names);
    const holder = machines.#holder;
    while (!holder.hasEnded && holder.stdout === '') await sleep(10);
    if (holder.hasEnded) {
      await machines.stop();
      throw new Error(`There is no machine for the docs: ${holder.stderr}`);
    }
    machines.#pid = Number(readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8'));
    return machines;
  }

  named(name: string): PageMachine {
    return new PageMachine(name, join(this.#folder, name), this.#pid);
  }

  /** Ends all that runs on them. */
  async stop(): Promise<void> {
    this.#holder.kill('SIGKILL');
    await this.#holder.ended;
    // Never what is mounted below it.
    rmdirSync(this.#folder);
  }
}

/** One of the machines. */
export class PageMachine {
  /** Variables of the environment, besides root's. */
  env: Record<string, string> = {};
  readonly #name: string;
  readonly #root: string;
  readonly #pid: number;

  constructor(name: string, root: string, pid: number) {
    [this.#name, this.#root, this.#pid] = [name, root, pid];
  }

  /** Runs a line of shell in root's home. */
  run(line: string): Promise<Result> {
    const enter = ['nsenter', '-t', String(this.#pid), '-m', '-p', 'unshare', '--uts'];
    const inside = ['/bin/sh', '-c', 'hostname "$0" && exec chroot "$@"', this.#name, this.#root];
    // LAB: where the stand-in of LVM has its volumes.
    const env = { PATH, HOME: '/root', LANG: 'C.UTF-8', TZ: 'UTC', LAB: '/dev', ...this.env };
    return new Running([...enter, ...inside, '/bin/bash', '-c', `cd && ${line}`], { env, cwd: '/' }).ended;
  }

  /** Runs a line that must succeed. @returns its stdout. */
  async ok(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    if (code !== 0) throw new Error(`${line} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  has(path: string): boolean {
    return existsSync(this.#outside(path));
  }

  read(path: string): string {
    return readFileSync(this.#outside(path), 'utf8');
  }

  /** Writes a file, and makes its folder. */
  write(path: string, text: string | Buffer): void {
    mkdirSync(dirname(this.#outside(path)), { recursive: true });
    writeFileSync(this.#outside(path), text);
  }

  #outside(path: string): string {
    return `/proc/${this.#pid}/root${this.#root}${path}`;
  }
}

/** Whether machines can be made here. */
export async function needMachines(): Promise<Need> {
  const what = 'overlay and namespaces, as root';
  try {
    await (await PageMachines.start('probe')).stop();
    return { what, available: true, optional: true };
  } catch {
    return { what, available: false, optional: true };
  }
}
