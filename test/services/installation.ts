import { inject } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Host, type SharedStore } from './host.ts';
import { createDatabase, dropDatabase } from './postgres.ts';
import { PREFIX } from './rbd-auto-lab.ts';
import { OBJECT, type RbdCluster } from './rbd-cluster.ts';
import { copyObject, createBucket, deleteBucket, listKeys, listObjects, STORE_PREFIX, s3Request } from './s3-buckets.ts';
import { s3Section } from './s3-lab.ts';

/** Number of the image's blobs: enough to recognise a store without an id, and a few more. */
export const IMAGE_BLOCKS = 20;

let count = 0;

/**
 * Hosts with one database, one bucket and one Ceph image, which the first host has backed up with
 * `--auto`.
 */
export class Installation {
  readonly one: Host;
  readonly bucket: string;
  readonly shared: SharedStore;
  /** pool/namespace with no other image. */
  readonly place: string;
  readonly #cluster: RbdCluster;
  readonly #hosts: Host[] = [];

  private constructor(cluster: RbdCluster, { bucket, database }: { bucket: string; database: string }) {
    this.#cluster = cluster;
    this.bucket = bucket;
    this.place = `${cluster.newImage().split('/')[0]}/store-${process.pid}-${count++}`;
    const config = { DataBackend: s3Section(bucket), ...cluster.config({ snapshot_prefix: PREFIX }) };
    this.shared = { postgres: inject('postgres'), database, config, blockSize: OBJECT };
    this.one = this.host('host-one');
  }

  static async create(cluster: RbdCluster): Promise<Installation> {
    const bucket = await createBucket(inject('ceph').s3);
    const made = new Installation(cluster, { bucket, database: await createDatabase(inject('postgres')) });
    await made.one.ok('initdb');
    await cluster.namespace('create', made.place);
    await cluster.import(made.image, noise(IMAGE_BLOCKS * OBJECT, made.place));
    return made;
  }

  get image(): string {
    return `${this.place}/vm`;
  }

  get source(): string {
    return `rbd://${this.image}`;
  }

  /** A host of the installation. With another bucket, its config file is wrong. */
  host(name: string, bucket = this.bucket, endpoint?: string): Host {
    const host = new Host(name, this.shared, { more: { DataBackend: s3Section(bucket, endpoint) } });
    this.#hosts.push(host);
    return host;
  }

  /** Backs up the image, with a snapshot that stays. @returns the version and its snapshot. */
  async backUp(host = this.one): Promise<{ uid: string; snapshot: string }> {
    const uid = await host.backup('--auto', this.source, 'vm');
    const snapshot = (await this.snapshots()).at(-1) ?? '';
    return { uid, snapshot };
  }

  snapshots(): Promise<string[]> {
    return this.#cluster.snapshots(this.image);
  }

  keys(bucket = this.bucket): Promise<string[]> {
    return listKeys(inject('ceph').s3, bucket);
  }

  /** Ids in the names of the bucket's objects. */
  async storeIds(bucket = this.bucket): Promise<string[]> {
    const keys = await this.keys(bucket);
    return keys.filter((key) => key.startsWith(STORE_PREFIX)).map((key) => key.slice(STORE_PREFIX.length));
  }

  /** Ids in the database. */
  async keptIds(): Promise<string[]> {
    return (await this.one.rows<{ id: string }>('SELECT id FROM backy2_store')).map(({ id }) => id);
  }

  /** Removes objects behind the program's back. */
  async removeKeys(keys: readonly string[]): Promise<void> {
    for (const key of keys) await s3Request(inject('ceph').s3, 'DELETE', `/${this.bucket}/${key}`);
  }

  /** Copies objects into a bucket. */
  async copyKeys(keys: readonly string[], from: string, to: string): Promise<void> {
    for (const key of keys) await copyObject(inject('ceph').s3, { from: `/${from}/${key}`, to: `/${to}/${key}` });
  }

  /** Forbids actions to all users of the bucket. */
  deny(...actions: string[]): Promise<unknown> {
    const { s3 } = inject('ceph');
    const Resource = [`arn:aws:s3:::${this.bucket}/*`];
    const Statement = [{ Effect: 'Deny', Principal: '*', Action: actions, Resource }];
    const body = Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement }));
    return s3Request(s3, 'PUT', `/${this.bucket}`, { query: { policy: '' }, body });
  }

  async allowAll(): Promise<void> {
    await s3Request(inject('ceph').s3, 'DELETE', `/${this.bucket}`, { query: { policy: '' } });
  }

  /** Every row of every table, the objects of the buckets, and the image's snapshots. */
  async everything(...buckets: string[]): Promise<unknown> {
    const tables = await this.one.rows<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    );
    const rows: Record<string, string[]> = {};
    for (const { name } of tables) {
      const found = await this.one.rows<{ row: string }>(`SELECT to_json(t)::text AS row FROM "${name}" AS t ORDER BY 1`);
      rows[name] = found.map(({ row }) => row);
    }
    const objects: Record<string, unknown> = {};
    for (const bucket of new Set([this.bucket, ...buckets])) objects[bucket] = await listObjects(inject('ceph').s3, bucket);
    return { rows, objects, snapshots: await this.snapshots() };
  }

  async remove(): Promise<void> {
    await this.allowAll();
    for (const host of this.#hosts) host.remove();
    await dropDatabase(this.shared.postgres, this.shared.database);
    await deleteBucket(inject('ceph').s3, this.bucket);
    await this.#cluster.remove(this.image);
    await this.#cluster.namespace('remove', this.place);
  }
}
