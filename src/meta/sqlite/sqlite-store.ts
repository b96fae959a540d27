import { BackyError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { DedupKey, GoodBlob } from '../../model/blob.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import { toStoredDate } from '../../model/dates.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { StatsFilter } from '../../model/reports.ts';
import type { Migration, NewVersion, Version, VersionFilter } from '../../model/version.ts';
import type { BackupGroup, TakeOverRequest } from '../backup-store.ts';
import type { RewrapRequest } from '../encryption-store.ts';
import type { SampleRequest } from '../identity-store.ts';
import type { MetaStore, OpenOptions } from '../meta-store.ts';
import { toBlockRow, toDatedBlockRow } from '../sql/rows.ts';
import type { BlobCheck, CheckCursor } from '../verification-store.ts';
import * as backup from './backup.ts';
import * as blocks from './blocks.ts';
import * as cleanup from './cleanup.ts';
import { SqliteConnection } from './connection.ts';
import { copySnapshot } from './copy-beside.ts';
import { notUsable } from './database-errors.ts';
import { diskUsage } from './disk-usage.ts';
import * as heal from './heal.ts';
import * as identity from './identity.ts';
import { removeVersion } from './remove-version.ts';
import { rewrapKeys } from './rewrap-keys.ts';
import { SCHEMA } from './schema.ts';
import * as sealed from './sealed.ts';
import { listStats } from './stats.ts';
import { takeOver } from './take-over.ts';
import * as transfer from './transfer.ts';
import { refuseOutdated, upgradeDatabase } from './upgrade.ts';
import * as verified from './verified.ts';
import { verifyUidIndex } from './verify-uid-index.ts';
import * as versions from './versions.ts';

/** How a SQLite store is made. */
export interface SqliteStoreOptions {
  path: string;
  cacheMb: number;
  /** Create the database on first use (the embedded default). */
  createIfMissing: boolean;
  logger: Logger;
  now: () => Date;
}

/** The metadata in one SQLite file, the same file that the original uses. Methods run on the calling thread. */
export class SqliteStore implements MetaStore {
  readonly #options: SqliteStoreOptions;
  #connection: SqliteConnection | undefined;

  /** Touches nothing until `open` or `initialize`. */
  constructor(options: SqliteStoreOptions) {
    this.#options = options;
  }

  async initialize(): Promise<void> {
    const connection = await this.#connect(true);
    if (hasTable(connection, 'versions') || hasTable(connection, 'alembic_version')) {
      throw new BackyError('refused', `The database ${this.#options.path} is initialised already. Nothing was changed.`, {
        hint: 'To start afresh, name another file as [MetaBackend] engine, or move this one away.',
      });
    }
    await connection.writeSchema(SCHEMA, () => hasTable(connection, 'versions'));
  }

  async open({ asItIs = false }: OpenOptions = {}): Promise<{ isNew: boolean }> {
    const { path, createIfMissing, logger } = this.#options;
    const mayCreate = createIfMissing && !asItIs;
    const connection = await this.#connect(mayCreate);
    const isThere = () => hasTable(connection, 'versions');
    const isNew = mayCreate && !(await connection.patiently(isThere));
    if (isNew) await connection.writeSchema(SCHEMA, isThere);
    if (!(await connection.patiently(isThere))) throw notUsable(path, 'it has no tables of backy2');
    await (asItIs ? refuseOutdated(connection, path) : upgradeDatabase(connection, { path, logger }));
    return { isNew };
  }

  async copyTo(to: string, signal: AbortSignal): Promise<void> {
    const { path } = this.#options;
    const connection = await this.#connect(false);
    if (!(await connection.patiently(() => hasTable(connection, 'versions'))))
      throw notUsable(path, 'it has no tables of backy2');
    await copySnapshot(path, to, signal);
  }

  async close(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
  }

  async findVersion(uid: string) {
    return versions.findVersion(this.#db, uid);
  }
  async listVersions(filter: VersionFilter) {
    return versions.listVersions(this.#db, filter);
  }
  async setProtected(uid: string, value: boolean) {
    await versions.updateVersion(this.#db, uid, { protected: value ? 1 : 0 });
  }
  async setExpire(uid: string, expire: Date | null) {
    await versions.updateVersion(this.#db, uid, { expire: expire === null ? null : toStoredDate(expire) });
  }
  async addTags(uid: string, tags: readonly string[]) {
    await this.#db.write(() => versions.insertTags(this.#db, uid, tags));
  }
  async removeTags(uid: string, tags: readonly string[]) {
    await versions.removeTags(this.#db, uid, tags);
  }
  async setVersionInvalid(uid: string) {
    await versions.updateVersion(this.#db, uid, { valid: 0 });
  }
  async setVersionValid(uid: string) {
    await versions.setVersionValid(this.#db, uid);
  }
  async removeVersion(uid: string, onProgress: (rowsRemoved: number) => void) {
    return removeVersion(this.#db, uid, this.#nowSeconds, onProgress);
  }

  async countBlocks(versionUid: string) {
    return blocks.countBlocks(this.#db, versionUid);
  }
  async checkIds(versionUid: string, size: number) {
    return blocks.checkIds(this.#db, versionUid, size);
  }
  async blockPage(versionUid: string, afterId: number, limit: number) {
    return blocks.blockRecords(this.#db, versionUid, afterId, limit).map(toBlockRow);
  }
  async blocksById(versionUid: string, ids: readonly number[]) {
    return blocks.blocksById(this.#db, versionUid, ids);
  }
  async markBlockInvalid(uid: string, checksum: string | null) {
    return blocks.markBlockInvalid(this.#db, uid, checksum);
  }

  async createVersion(version: NewVersion) {
    await backup.createVersion(this.#db, version, this.#options.now());
  }
  async findBlobs(keys: readonly DedupKey[], encVersion: number) {
    return backup.findBlobs(this.#db, keys, encVersion);
  }
  async commitGroup(versionUid: string, group: BackupGroup, geometry: Geometry) {
    return backup.commitGroup(this.#db, versionUid, group, { geometry, now: this.#options.now() });
  }
  async takeOver(order: TakeOverRequest) {
    return takeOver(this.#db, order, this.#options.now());
  }
  async presentBlocks(versionUid: string, range: BlockRange) {
    return blocks.presentBlocks(this.#db, versionUid, range);
  }
  async discardBadBlocks(versionUid: string, geometry: Geometry) {
    return backup.discardBadBlocks(this.#db, versionUid, geometry, this.#nowSeconds());
  }
  async findMigration(migration: Migration) {
    return backup.findMigration(this.#db, migration);
  }
  async savedCounters(versionUid: string) {
    return backup.savedCounters(this.#db, versionUid);
  }
  async countersFromRows(versionUid: string) {
    return backup.countersFromRows(this.#db, versionUid);
  }
  async finishBackup(version: Version, counters: Parameters<MetaStore['finishBackup']>[1]) {
    return backup.finishBackup(this.#db, version, counters);
  }

  async redateFutureCandidates() {
    return cleanup.redateFutureCandidates(this.#db, this.#nowSeconds());
  }
  async dropUsedCandidates(minAgeSeconds: number) {
    return cleanup.dropUsedCandidates(this.#db, this.#nowSeconds() - minAgeSeconds);
  }
  async doomCandidates(minAgeSeconds: number, limit: number, prefix: string) {
    return cleanup.doomCandidates(this.#db, this.#nowSeconds() - minAgeSeconds, limit, prefix);
  }
  async leftDoomed(limit: number) {
    return cleanup.leftDoomed(this.#db, limit);
  }
  async forgetDoomed(uids: readonly string[]) {
    await cleanup.forgetDoomed(this.#db, uids);
  }
  async unnamed(uids: readonly string[]) {
    return cleanup.unnamed(this.#db, uids);
  }
  async countFullCleanup() {
    await cleanup.countFullCleanup(this.#db);
  }
  async fullCleanups() {
    return cleanup.fullCleanups(this.#db);
  }
  async candidatesAmong(uids: readonly string[]) {
    return cleanup.candidatesAmong(this.#db, uids);
  }
  async verifyUidIndex(signal: AbortSignal) {
    await verifyUidIndex(this.#db, this.#options.path, signal);
  }

  async sealedBlocks(version: Version, limit: number) {
    return sealed.sealedBlocks(this.#db, version, limit);
  }
  async sampleSealedBlocks(limit: number) {
    return sealed.sampleSealedBlocks(this.#db, limit);
  }
  async rewrapKeys(order: RewrapRequest) {
    return rewrapKeys(this.#db, order);
  }

  async heal(blobs: readonly GoodBlob[]) {
    return this.#db.write(() => heal.healRows(this.#db, blobs, this.#nowSeconds()));
  }
  async validateWhole(versionUids: readonly string[]) {
    return heal.validateWhole(this.#db, versionUids);
  }
  async badBlockPage(versionUid: string, afterId: number, limit: number) {
    return heal.badBlockPage(this.#db, { versionUid, afterId, limit });
  }
  async recordChecks(checks: readonly BlobCheck[], time: number) {
    await verified.recordChecks(this.#db, checks, time);
  }
  async redateFutureChecks(now: number) {
    return verified.redateFutureChecks(this.#db, now);
  }
  async enrolBlobs(startTime: number, onPiece: () => void) {
    return verified.enrolBlobs(this.#db, startTime, onPiece);
  }
  async longestUnchecked(after: CheckCursor | undefined, before: number, limit: number) {
    return verified.longestUnchecked(this.#db, { after, before, limit });
  }
  async isNamed(uid: string, checksum: string | null) {
    return verified.isNamed(this.#db, uid, checksum);
  }
  async coverage(sinces: readonly number[], until: number, onPiece: () => void) {
    return verified.coverage(this.#db, { sinces, until, onPiece });
  }

  async storeId() {
    return identity.storeId(this.#db);
  }
  async keepStoreId(id: string) {
    return identity.keepStoreId(this.#db, id);
  }
  async namesBlobs() {
    return identity.namesBlobs(this.#db);
  }
  async sampleBlobs(order: SampleRequest) {
    return identity.sampleBlobs(this.#db, order);
  }

  async datedBlockPage(versionUid: string, afterId: number, limit: number) {
    return blocks.blockRecords(this.#db, versionUid, afterId, limit).map(toDatedBlockRow);
  }
  async importVersion(version: Version, rows: AsyncIterable<DatedBlockRow>, isWhole?: () => boolean) {
    return transfer.importVersion(this.#db, version, rows, isWhole);
  }

  async listStats(filter: StatsFilter) {
    return listStats(this.#db, filter);
  }
  async diskUsage(versionUids: readonly string[], beforeEach: () => void) {
    return diskUsage(this.#db, versionUids, beforeEach);
  }
  async blobPage(versionUid: string, afterId: number, limit: number) {
    return blocks.blobPage(this.#db, versionUid, afterId, limit);
  }

  readonly #nowSeconds = (): number => Math.floor(this.#options.now().getTime() / 1000);

  async #connect(create: boolean): Promise<SqliteConnection> {
    const { path, cacheMb, logger } = this.#options;
    this.#connection ??= await SqliteConnection.open({ path, cacheMb, create, logger });
    return this.#connection;
  }

  get #db(): SqliteConnection {
    if (this.#connection === undefined) throw new Error('the store is not open');
    return this.#connection;
  }
}

function hasTable(connection: SqliteConnection, name: string): boolean {
  return connection.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(name) !== undefined;
}
