import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { Sections } from '../support/config-text.ts';
import { PATH_WITH_SBIN, type Result, Running } from '../support/program/process.ts';
import { sha256OfFile } from '../support/sha256.ts';
import type { CephAddress } from './ceph.ts';

/** The object size of images here: small, so that small images have several. */
export const OBJECT = 65536;

let counter = 0;

/** A cluster as tests use it: through the commands of Ceph and QEMU, whatever the program under test does. */
export class RbdCluster {
  readonly conf: string;
  readonly #address: CephAddress;

  constructor(address: CephAddress) {
    this.#address = address;
    this.conf = address.conf;
  }

  /** A name that no other image of the run has, with its pool. */
  newImage(): string {
    return `${this.#address.pool}/test-${process.pid}-${counter++}`;
  }

  /** The section of backy.cfg for this cluster. */
  config(more: Sections[string] = {}): Sections {
    return { io_rbd: { ceph_conffile: this.conf, simultaneous_reads: 4, simultaneous_writes: 4, ...more } };
  }

  /** Runs rbd, to whatever end. */
  tryRbd(...words: string[]): Promise<Result> {
    return this.#run(['rbd', '--conf', this.conf, ...words]);
  }

  /** Runs rbd, which has to work. @returns what it printed. */
  async rbd(...words: string[]): Promise<string> {
    return worked(words, await this.tryRbd(...words));
  }

  /** Runs ceph, which has to work. */
  async ceph(...words: string[]): Promise<string> {
    return worked(words, await this.#run(['ceph', '--conf', this.conf, ...words]));
  }

  /** Makes an image of small objects. @param features as rbd wants them; the cluster's when absent. */
  async create(image: string, sizeBytes: number, features?: string): Promise<void> {
    const options = features === undefined ? [] : ['--image-feature', features];
    await this.rbd('create', '--size', `${sizeBytes}B`, '--object-size', `${OBJECT}B`, ...options, image);
  }

  /** Makes an image of bytes. */
  async import(image: string, bytes: Uint8Array): Promise<void> {
    await this.#withFile(bytes, (file) => this.rbd('import', '--no-progress', '--object-size', `${OBJECT}B`, file, image));
  }

  /** Writes into an image. */
  async write(image: string, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#withFile(bytes, (file) => this.qemuIo(image, `write -s ${file} ${offset} ${bytes.length}`));
  }

  async discard(image: string, offset: number, length: number): Promise<void> {
    await this.qemuIo(image, `discard ${offset} ${length}`);
  }

  /** Runs commands of qemu-io on an image, as a virtual machine would write. */
  async qemuIo(image: string, ...commands: string[]): Promise<void> {
    const words = commands.flatMap((command) => ['-c', command]);
    const said = worked(
      commands,
      await this.#run(['qemu-io', '-d', 'unmap', '-f', 'raw', ...words, `rbd:${image}:conf=${this.conf}`]),
    );
    if (/failed|error/i.test(said)) throw new Error(`qemu-io ${commands.join('; ')}: ${said}`);
  }

  /** Waits until the cluster has forgotten clients that were killed, which takes it 30 s. */
  async unused(image: string): Promise<void> {
    await expect.poll(() => this.rbd('status', image), { timeout: 120_000, interval: 500 }).toContain('Watchers: none');
  }

  /** Removes an image and its snapshots, which nobody may use any more. */
  async remove(image: string): Promise<void> {
    await this.rbd('snap', 'purge', '--no-progress', image);
    await this.rbd('rm', '--no-progress', image);
  }

  /** What an image or snapshot holds, by rbd export. @returns its sha256. */
  async sha256(spec: string): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'backy2-export-'));
    try {
      await this.rbd('export', '--no-progress', spec, join(folder, 'image'));
      return await sha256OfFile(join(folder, 'image'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The bytes of a small image or snapshot. */
  async read(spec: string): Promise<Buffer> {
    const folder = mkdtempSync(join(tmpdir(), 'backy2-export-'));
    try {
      await this.rbd('export', '--no-progress', spec, join(folder, 'image'));
      return readFileSync(join(folder, 'image'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Names of an image's snapshots, oldest first. */
  async snapshots(image: string): Promise<string[]> {
    const list: { name: string }[] = JSON.parse(await this.rbd('snap', 'ls', '--format', 'json', image));
    return list.map(({ name }) => name);
  }

  /** How much of an image is allocated, in bytes. */
  async used(image: string): Promise<number> {
    const list: { length: number; exists: string }[] = JSON.parse(
      await this.rbd('diff', '--whole-object', '--format', 'json', image),
    );
    return list.reduce((sum, { length, exists }) => sum + (exists === 'true' ? length : 0), 0);
  }

  /** Makes a user with these caps. @returns what its section of backy.cfg needs. */
  async user(name: string, caps: string[], folder: string): Promise<Sections[string]> {
    const keyring = await this.ceph('auth', 'get-or-create', `client.${name}`, ...caps);
    const file = join(folder, `${name}.keyring`);
    writeFileSync(file, keyring);
    const conf = join(folder, `${name}.conf`);
    writeFileSync(conf, readFileSync(this.conf, 'utf8').replace(/^keyring = .*client\.admin\.keyring$/m, `keyring = ${file}`));
    return { ceph_conffile: conf, rados_name: `client.${name}` };
  }

  /** Stops the OSD where it is, or lets it go on. Only for a cluster of one's own. */
  signalOsd(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const [pid = ''] = readFileSync(join(dirname(this.conf), 'run', 'osd.pid'), 'utf8').split(' ');
    process.kill(Number(pid), signal);
  }

  /** Waits until all of an image can be read: an OSD that was stopped takes a while to get over it, on a busy machine more than a minute. */
  async answers(image: string): Promise<void> {
    const all = 'timeout -s KILL 20 rbd --conf "$0" export --no-progress "$1" - >/dev/null';
    const read = ['sh', '-c', all, this.conf, image];
    await expect.poll(async () => (await this.#run(read)).code, { timeout: 300_000 }).toBe(0);
  }

  #run(words: string[]): Promise<Result> {
    return new Running(words, { env: { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', CEPH_CONF: this.conf } }).ended;
  }

  async #withFile(bytes: Uint8Array, body: (file: string) => Promise<unknown>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'backy2-import-'));
    try {
      writeFileSync(join(folder, 'bytes'), bytes);
      await body(join(folder, 'bytes'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function worked(words: readonly string[], { code, signal, stdout, stderr }: Result): string {
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code ?? signal}: ${stdout}${stderr}`);
  return stdout;
}
