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
import { PostgresConnection } from './connection.ts';
import { diskUsage } from './disk-usage.ts';
import { dumpDatabase } from './dump.ts';
import { parseEngineUrl } from './engine-url.ts';
import type { Fence } from './fence.ts';
import * as heal from './heal.ts';
import * as identity from './identity.ts';
import { removeVersion } from './remove-version.ts';
import { rewrapKeys } from './rewrap-keys.ts';
import * as sealed from './sealed.ts';
import { listStats } from './stats.ts';
import { takeOver } from './take-over.ts';
import * as transfer from './transfer.ts';
import { initializeDatabase, prepareDatabase } from './upgrade.ts';
import * as verified from './verified.ts';
import * as versions from './versions.ts';

/** How a PostgreSQL store is made. */
export interface PostgresStoreOptions {
  /** An engine URL (formats.md §3). */
  engine: string;
  logger: Logger;
  now: () => Date;
  /** Cuts waits for a lost server short. */
  signal?: AbortSignal | undefined;
  /** The locks between hosts that are held at the moment: no transaction is committed once their session is gone. */
  fence?: (() => Fence | undefined) | undefined;
}

/** The metadata in a PostgreSQL database, the same that the original uses. Several hosts may work on it at once. */
export class PostgresStore implements MetaStore {
  readonly #options: PostgresStoreOptions;
  readonly #db: PostgresConnection;

  /** Touches nothing until `open` or `initialize`; throws for a URL that can't be used. */
  constructor(options: PostgresStoreOptions) {
    this.#options = options;
    const { engine, logger, signal, fence } = options;
    this.#db = new PostgresConnection({ address: parseEngineUrl(engine), logger, signal, fence });
  }

  /** The database as messages call it. */
  get label(): string {
    return this.#db.label;
  }

  initialize() {
    return initializeDatabase(this.#db);
  }
  async open(how: OpenOptions = {}) {
    await prepareDatabase(this.#db, this.#options.logger, how);
    return { isNew: false };
  }
  async copyTo(to: string, signal: AbortSignal) {
    await dumpDatabase(parseEngineUrl(this.#options.engine), to, signal);
  }
  close() {
    return this.#db.close();
  }

  findVersion(uid: string) {
    return versions.findVersion(this.#db, uid);
  }
  listVersions(filter: VersionFilter) {
    return versions.listVersions(this.#db, filter);
  }
  setProtected(uid: string, value: boolean) {
    return versions.updateVersion(this.#db, uid, { protected: value ? 1 : 0 });
  }
  setExpire(uid: string, expire: Date | null) {
    return versions.updateVersion(this.#db, uid, { expire: expire === null ? null : toStoredDate(expire) });
  }
  addTags(uid: string, tags: readonly string[]) {
    return this.#db.write((session) => versions.insertTags(session, uid, tags));
  }
  removeTags(uid: string, tags: readonly string[]) {
    return versions.removeTags(this.#db, uid, tags);
  }
  setVersionInvalid(uid: string) {
    return versions.updateVersion(this.#db, uid, { valid: 0 });
  }
  setVersionValid(uid: string) {
    return versions.setVersionValid(this.#db, uid);
  }
  removeVersion(uid: string, onProgress: (rowsRemoved: number) => void) {
    return removeVersion(this.#db, uid, onProgress);
  }

  countBlocks(versionUid: string) {
    return blocks.countBlocks(this.#db, versionUid);
  }
  checkIds(versionUid: string, size: number) {
    return blocks.checkIds(this.#db, versionUid, size);
  }
  async blockPage(versionUid: string, afterId: number, limit: number) {
    return (await blocks.blockRecords(this.#db, versionUid, afterId, limit)).map(toBlockRow);
  }
  blocksById(versionUid: string, ids: readonly number[]) {
    return blocks.blocksById(this.#db, versionUid, ids);
  }
  markBlockInvalid(uid: string, checksum: string | null) {
    return blocks.markBlockInvalid(this.#db, uid, checksum);
  }

  createVersion(version: NewVersion) {
    return backup.createVersion(this.#db, version, this.#options.now());
  }
  findBlobs(keys: readonly DedupKey[], encVersion: number) {
    return backup.findBlobs(this.#db, keys, encVersion);
  }
  commitGroup(versionUid: string, group: BackupGroup, geometry: Geometry) {
    return backup.commitGroup(this.#db, group, backup.blocksToInsert(versionUid, geometry, this.#options.now()));
  }
  takeOver(order: TakeOverRequest) {
    return takeOver(this.#db, order, this.#options.now());
  }
  presentBlocks(versionUid: string, range: BlockRange) {
    return blocks.presentBlocks(this.#db, versionUid, range);
  }
  discardBadBlocks(versionUid: string, geometry: Geometry) {
    return backup.discardBadBlocks(this.#db, versionUid, geometry);
  }
  findMigration(migration: Migration) {
    return backup.findMigration(this.#db, migration);
  }
  savedCounters(versionUid: string) {
    return backup.savedCounters(this.#db, versionUid);
  }
  countersFromRows(versionUid: string) {
    return backup.countersFromRows(this.#db, versionUid);
  }
  finishBackup(version: Version, counters: Parameters<MetaStore['finishBackup']>[1]) {
    return backup.finishBackup(this.#db, version, counters);
  }

  redateFutureCandidates() {
    return cleanup.redateFutureCandidates(this.#db);
  }
  dropUsedCandidates(minAgeSeconds: number) {
    return cleanup.dropUsedCandidates(this.#db, minAgeSeconds);
  }
  doomCandidates(minAgeSeconds: number, limit: number, prefix: string) {
    return cleanup.doomCandidates(this.#db, minAgeSeconds, limit, prefix);
  }
  leftDoomed(limit: number) {
    return cleanup.leftDoomed(this.#db, limit);
  }
  forgetDoomed(uids: readonly string[]) {
    return cleanup.forgetDoomed(this.#db, uids);
  }
  unnamed(uids: readonly string[]) {
    return cleanup.unnamed(this.#db, uids);
  }
  countFullCleanup() {
    return cleanup.countFullCleanup(this.#db);
  }
  fullCleanups() {
    return cleanup.fullCleanups(this.#db);
  }
  candidatesAmong(uids: readonly string[]) {
    return cleanup.candidatesAmong(this.#db, uids);
  }
  /**
   * The server looks after its indexes itself; to compare one with its table takes a superuser and
   * the extension amcheck.
   */
  async verifyUidIndex(): Promise<void> {}

  sealedBlocks(version: Version, limit: number) {
    return sealed.sealedBlocks(this.#db, version, limit);
  }
  sampleSealedBlocks(limit: number) {
    return sealed.sampleSealedBlocks(this.#db, limit);
  }
  rewrapKeys(order: RewrapRequest) {
    return rewrapKeys(this.#db, order);
  }

  heal(blobs: readonly GoodBlob[]) {
    return this.#db.write((session) => heal.healRows(session, blobs), { exclusion: 'naming' });
  }
  validateWhole(versionUids: readonly string[]) {
    return heal.validateWhole(this.#db, versionUids);
  }
  badBlockPage(versionUid: string, afterId: number, limit: number) {
    return heal.badBlockPage(this.#db, { versionUid, afterId, limit });
  }
  recordChecks(checks: readonly BlobCheck[], time: number) {
    return verified.recordChecks(this.#db, checks, time);
  }
  redateFutureChecks(now: number) {
    return verified.redateFutureChecks(this.#db, now);
  }
  enrolBlobs(startTime: number, onPiece: () => void) {
    return verified.enrolBlobs(this.#db, startTime, onPiece);
  }
  longestUnchecked(after: CheckCursor | undefined, before: number, limit: number) {
    return verified.longestUnchecked(this.#db, { after, before, limit });
  }
  isNamed(uid: string, checksum: string | null) {
    return verified.isNamed(this.#db, uid, checksum);
  }
  coverage(sinces: readonly number[], until: number, onPiece: () => void) {
    return verified.coverage(this.#db, { sinces, until, onPiece });
  }

  storeId() {
    return identity.storeId(this.#db);
  }
  keepStoreId(id: string) {
    return identity.keepStoreId(this.#db, id);
  }
  namesBlobs() {
    return identity.namesBlobs(this.#db);
  }
  sampleBlobs(order: SampleRequest) {
    return identity.sampleBlobs(this.#db, order);
  }

  async datedBlockPage(versionUid: string, afterId: number, limit: number) {
    return (await blocks.blockRecords(this.#db, versionUid, afterId, limit)).map(toDatedBlockRow);
  }
  importVersion(version: Version, rows: AsyncIterable<DatedBlockRow>, isWhole?: () => boolean) {
    return transfer.importVersion(this.#db, version, rows, isWhole);
  }

  listStats(filter: StatsFilter) {
    return listStats(this.#db, filter);
  }
  diskUsage(versionUids: readonly string[], beforeEach: () => void) {
    return diskUsage(this.#db, versionUids, beforeEach);
  }
  blobPage(versionUid: string, afterId: number, limit: number) {
    return blocks.blobPage(this.#db, versionUid, afterId, limit);
  }
}
