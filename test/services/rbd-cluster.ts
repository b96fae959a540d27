import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, inject } from 'vitest';
import type { Sections } from '../support/labs/config-text.ts';
import { PATH_WITH_SBIN, type Result, Running } from '../support/program/process.ts';
import type { CephAddress } from './ceph.ts';
import { RbdConnection } from './rbd-connection.ts';

/** The object size of test images: small, so that small images have several. */
export const OBJECT = 65536;
/** The same as a power of two, for librbd. */
const ORDER = 16;

let counter = 0;

/**
 * The cluster that all test files share. Call it at the top of a file: the connection ends with the
 * file.
 */
export function sharedCluster(): RbdCluster {
  const cluster = new RbdCluster(inject('ceph'));
  afterAll(() => cluster.close());
  return cluster;
}

/**
 * Access to a cluster for tests, independent of the program under test: Ceph's own library over one
 * connection. `rbd` is for tests of that command's output.
 */
export class RbdCluster {
  readonly conf: string;
  readonly #address: CephAddress;
  readonly #connection: RbdConnection;

  constructor(address: CephAddress) {
    this.#address = address;
    this.conf = address.conf;
    this.#connection = new RbdConnection(address.conf);
  }

  /** Ends the connection. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** A name that no other image of the run has, with its pool. */
  newImage(): string {
    return `${this.#address.pool}/test-${process.pid}-${counter++}`;
  }

  /** The section of backy.cfg for this cluster. */
  config(more: Sections[string] = {}): Sections {
    return { io_rbd: { ceph_conffile: this.conf, simultaneous_reads: 4, simultaneous_writes: 4, ...more } };
  }

  /** Runs rbd, which must succeed. @returns its output. */
  async rbd(...words: string[]): Promise<string> {
    return worked(words, await this.#run(['rbd', '--conf', this.conf, ...words]));
  }

  /** Runs ceph, which must succeed. */
  async ceph(...words: string[]): Promise<string> {
    return worked(words, await this.#run(['ceph', '--conf', this.conf, ...words]));
  }

  /**
   * Makes an image of small objects.
   * @param features separated by commas; the cluster's when absent.
   */
  create(image: string, sizeBytes: number, features?: string): Promise<void> {
    return this.#connection.call('create', { image, size: sizeBytes, order: ORDER, features });
  }

  /** Makes an image with this content. */
  import(image: string, bytes: Uint8Array): Promise<void> {
    return withFile(bytes, (file) => this.importFile(image, file));
  }

  importFile(image: string, file: string): Promise<void> {
    return this.#connection.call('import_file', { image, file, order: ORDER });
  }

  /** Makes a clone of a snapshot, which must be protected. @param features as for `create`. */
  clone(snapshot: string, image: string, features?: string): Promise<void> {
    return this.#connection.call('clone', { parent: snapshot, image, order: ORDER, features });
  }

  write(image: string, offset: number, bytes: Uint8Array): Promise<void> {
    return withFile(bytes, (file) => this.#connection.call('write', { image, offset, file }));
  }

  discard(image: string, offset: number, length: number): Promise<void> {
    return this.#connection.call('discard', { image, offset, length });
  }

  /** Makes an image longer or shorter. */
  resize(image: string, sizeBytes: number): Promise<void> {
    return this.#connection.call('resize', { image, size: sizeBytes });
  }

  flatten(image: string): Promise<void> {
    return this.#connection.call('flatten', { image });
  }

  /** Performs an action on a snapshot. @param spec image and snapshot, `pool/image@snapshot`. */
  snapshot(action: 'create' | 'remove' | 'protect' | 'unprotect' | 'rollback', spec: string): Promise<void> {
    const [image, name] = spec.split('@');
    return this.#connection.call('snapshot', { image, action, name });
  }

  /** Names of an image's snapshots, oldest first. */
  snapshots(image: string): Promise<string[]> {
    return this.#connection.call('snapshots', { image });
  }

  /** Removes an image and its snapshots, which must not be in use. */
  async remove(image: string): Promise<void> {
    for (const name of await this.snapshots(image)) await this.snapshot('remove', `${image}@${name}`);
    await this.#connection.call('remove', { image });
  }

  /** Makes or removes a namespace, `pool/namespace`. */
  namespace(action: 'create' | 'remove', place: string): Promise<void> {
    const [pool, name] = place.split('/');
    return this.#connection.call('namespace', { action, pool, name });
  }

  info(image: string): Promise<{ size: number; features: string[] }> {
    return this.#connection.call('info', { image });
  }

  /** Addresses of the clients that have an image open for writing. */
  watchers(image: string): Promise<string[]> {
    return this.#connection.call('watchers', { image });
  }

  /** Waits until the cluster has noticed that clients were killed: 30 s. */
  async unused(image: string): Promise<void> {
    await expect.poll(() => this.watchers(image), { timeout: 120_000, interval: 500 }).toEqual([]);
  }

  /** The sha256 of an image or snapshot. */
  sha256(spec: string): Promise<string> {
    return this.#connection.call('sha256', { spec });
  }

  /** The bytes of a small image or snapshot. */
  read(spec: string): Promise<Buffer> {
    return withFile('', async (file) => {
      await this.exportFile(spec, file);
      return readFileSync(file);
    });
  }

  exportFile(spec: string, file: string): Promise<void> {
    return this.#connection.call('export_file', { spec, file });
  }

  /** Allocated bytes of an image. */
  used(image: string): Promise<number> {
    return this.#connection.call('used', { image });
  }

  /** Makes a user with these caps. @returns its section of backy.cfg. */
  async user(name: string, caps: string[], folder: string): Promise<Sections[string]> {
    const keyring = await this.ceph('auth', 'get-or-create', `client.${name}`, ...caps);
    const file = join(folder, `${name}.keyring`);
    writeFileSync(file, keyring);
    const conf = join(folder, `${name}.conf`);
    writeFileSync(conf, readFileSync(this.conf, 'utf8').replace(/^keyring = .*client\.admin\.keyring$/m, `keyring = ${file}`));
    return { ceph_conffile: conf, rados_name: `client.${name}` };
  }

  /** Stops the OSD where it is, or lets it continue. Only for a cluster of one's own. */
  signalOsd(signal: 'SIGSTOP' | 'SIGCONT'): void {
    const [pid = ''] = readFileSync(join(dirname(this.conf), 'run', 'osd.pid'), 'utf8').split(' ');
    process.kill(Number(pid), signal);
  }

  /**
   * Waits until all of an image can be read: an OSD that was stopped needs a while, on a busy
   * machine more than a minute.
   */
  async answers(image: string): Promise<void> {
    const all = 'timeout -s KILL 20 rbd --conf "$0" export --no-progress "$1" - >/dev/null';
    const read = ['sh', '-c', all, this.conf, image];
    await expect.poll(async () => (await this.#run(read)).code, { timeout: 300_000 }).toBe(0);
  }

  #run(words: string[]): Promise<Result> {
    return new Running(words, { env: { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', CEPH_CONF: this.conf } }).ended;
  }
}

function worked(words: readonly string[], { code, signal, stdout, stderr }: Result): string {
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code ?? signal}: ${stdout}${stderr}`);
  return stdout;
}

async function withFile<T>(bytes: string | Uint8Array, body: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-rbd-'));
  try {
    writeFileSync(join(folder, 'bytes'), bytes);
    return await body(join(folder, 'bytes'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
