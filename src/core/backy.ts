import type { Readable } from 'node:stream';
import { NoDatabaseError } from '../meta/no-database.ts';
import type { BackupStats, StatsFilter } from '../model/reports.ts';
import type { AutoRequest } from './auto/auto-backup.ts';
import type { AutoResult } from './auto/auto-request.ts';
import type { BackupRequest, BackupResult } from './backup/request.ts';
import type { Context } from './context.ts';
import type { MigrationRequest, MigrationResult } from './migrate/migrate-encryption.ts';
import type { RepairRequest, RepairResult } from './repair/repair.ts';
import type { CoverageRow } from './reports/coverage.ts';
import type { BlockComparison } from './reports/diff-meta.ts';
import type { VersionUsage } from './reports/du.ts';
import type { DueBackup } from './reports/due.ts';
import type { ScheduleRequest } from './reports/schedule-reports.ts';
import type { Breach } from './reports/sla.ts';
import type { RestoreRequest, RestoreResult } from './restore/request.ts';
import type { ScrubRequest, ScrubResult } from './scrub/scrub.ts';
import type { OldestRequest, OldestResult } from './scrub/scrub-oldest.ts';
import type { SeveralRequest, SeveralResult } from './scrub/scrub-several.ts';
import type { MountRequest, MountResult } from './serve/mount-versions.ts';
import type { ServeNbdRequest, ServeNbdResult } from './serve/serve-nbd.ts';
import type { TransferResult } from './transfer/transfer-result.ts';
import type { DatabaseBackup, DatabaseBackupRequest } from './upkeep/backup-db.ts';
import type { CleanupResult, FastCleanupRequest } from './upkeep/cleanup.ts';
import type { RekeyResult } from './upkeep/rekey.ts';
import type { StorageStep } from './upkeep/storage-step.ts';
import type { FullCleanupRequest } from './upkeep/unnamed-blobs.ts';
import * as versions from './versions/versions.ts';

/**
 * The program behind the commands: one method an operation, each of which returns data and prints nothing.
 * Failures are BackyErrors. The meta store is open from {@link Backy.open} to {@link Backy.close}.
 * Operations with much code behind them are loaded when they are called: `ls` is to start without it.
 */
export class Backy {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Opens the database. Beside blobs of a lost one, a database that was just made is reported, and
   * a missing one is no case for initdb.
   */
  async open(): Promise<void> {
    try {
      const { isNew } = await this.#context.meta.open();
      if (isNew) await this.#adoptStore();
    } catch (error) {
      if (!(error instanceof NoDatabaseError)) throw error;
      const { explainNoDatabase } = await import('./store/lost-database.ts');
      throw await explainNoDatabase(this.#context, error);
    }
  }

  /** Creates the database's schema; needs no `open`. */
  async initdb(): Promise<void> {
    await this.#context.meta.initialize();
    await this.#adoptStore();
  }

  async #adoptStore(): Promise<void> {
    const { adoptStore } = await import('./store/lost-database.ts');
    await adoptStore(this.#context);
  }

  /** Leaves the database closed and whole, and no lock behind. */
  async close(): Promise<void> {
    await this.#context.meta.close();
    await this.#context.locks.close();
  }

  async backup(request: BackupRequest): Promise<BackupResult> {
    const { diffFrom } = request;
    if (diffFrom === undefined) return (await import('./backup/backup.ts')).backup(this.#context, request);
    const { backupSince } = await import('./backup/diff-from.ts');
    return backupSince(this.#context, { ...request, diffFrom });
  }
  /** Backs RBD images up from snapshots of its own making, a result each. */
  async autoBackup(request: AutoRequest): Promise<AutoResult[]> {
    const { autoBackup } = await import('./auto/auto-backup.ts');
    return autoBackup(this.#context, request);
  }
  async restore(request: RestoreRequest): Promise<RestoreResult> {
    const { restore } = await import('./restore/restore.ts');
    return restore(this.#context, request);
  }
  async scrub(request: ScrubRequest): Promise<ScrubResult> {
    const { scrub } = await import('./scrub/scrub.ts');
    return scrub(this.#context, request);
  }
  async scrubSeveral(request: SeveralRequest): Promise<SeveralResult> {
    const { scrubSeveral } = await import('./scrub/scrub-several.ts');
    return scrubSeveral(this.#context, request);
  }
  async scrubOldest(request: OldestRequest): Promise<OldestResult> {
    const { scrubOldest } = await import('./scrub/scrub-oldest.ts');
    return scrubOldest(this.#context, request);
  }
  /** `days`: for each of these numbers of days. */
  async coverage(days: readonly number[]): Promise<CoverageRow[]> {
    const { reportCoverage } = await import('./reports/coverage.ts');
    return reportCoverage(this.#context, days);
  }
  async repair(request: RepairRequest): Promise<RepairResult> {
    const { repair } = await import('./repair/repair.ts');
    return repair(this.#context, request);
  }
  async cleanupFast(request: FastCleanupRequest): Promise<CleanupResult> {
    const { cleanupFast } = await import('./upkeep/cleanup.ts');
    return cleanupFast(this.#context, request);
  }
  async cleanupFull(request: FullCleanupRequest): Promise<CleanupResult> {
    const { cleanupFull } = await import('./upkeep/cleanup.ts');
    return cleanupFull(this.#context, request);
  }
  /** Copies the database to a file; needs no `open`. */
  async backupDatabase(request: DatabaseBackupRequest): Promise<DatabaseBackup> {
    const { backupDatabase } = await import('./upkeep/backup-db.ts');
    return backupDatabase(this.#context, request);
  }
  /**
   * Tries the data backend out; needs no `open`, and no database. One that is there is compared
   * with the data backend.
   */
  async checkStorage(): Promise<StorageStep[]> {
    const { checkStorageThoroughly } = await import('./upkeep/check-storage.ts');
    return checkStorageThoroughly(this.#context);
  }
  /** `oldKey`: 64 hex digits. */
  async rekey(oldKey: string): Promise<RekeyResult> {
    const { rekey } = await import('./upkeep/rekey.ts');
    return rekey(this.#context, oldKey);
  }
  async migrateEncryption(request: MigrationRequest): Promise<MigrationResult> {
    const { migrateEncryption } = await import('./migrate/migrate-encryption.ts');
    return migrateEncryption(this.#context, request);
  }
  /** Mounts all versions until the program is told to stop, or somebody unmounts them. */
  async mount(request: MountRequest): Promise<MountResult> {
    const { mountVersions } = await import('./serve/mount-versions.ts');
    return mountVersions(this.#context, request);
  }
  /** Serves versions over NBD until the program is told to stop. */
  async serveNbd(request: ServeNbdRequest): Promise<ServeNbdResult> {
    const { serveNbd } = await import('./serve/serve-nbd.ts');
    return serveNbd(this.#context, request);
  }
  list(request: versions.ListRequest) {
    return versions.listVersions(this.#context, request);
  }
  async due(request: ScheduleRequest): Promise<DueBackup[]> {
    const { reportDue } = await import('./reports/schedule-reports.ts');
    return reportDue(this.#context, request);
  }
  async sla(request: ScheduleRequest): Promise<Breach[]> {
    const { reportSla } = await import('./reports/schedule-reports.ts');
    return reportSla(this.#context, request);
  }
  async stats(filter: StatsFilter): Promise<BackupStats[]> {
    const { listStats } = await import('./reports/stats.ts');
    return listStats(this.#context, filter);
  }
  /** The disk usage of one version, or of all. */
  async du(uid: string | undefined): Promise<VersionUsage[]> {
    const { du } = await import('./reports/du.ts');
    return du(this.#context, uid);
  }
  /** Compares two versions, a page of blocks at a time. */
  async *diffMeta(leftUid: string, rightUid: string): AsyncIterableIterator<BlockComparison[]> {
    const { diffMeta } = await import('./reports/diff-meta.ts');
    yield* diffMeta(this.#context, leftUid, rightUid);
  }
  remove(uid: string, force: boolean): Promise<versions.RemovalResult> {
    return versions.removeVersion(this.#context, uid, force);
  }
  setProtected(uid: string, value: boolean): Promise<void> {
    return versions.setProtected(this.#context, uid, value);
  }
  addTags(uid: string, tags: readonly string[]): Promise<versions.TagChange> {
    return versions.addTags(this.#context, uid, tags);
  }
  removeTags(uid: string, tags: readonly string[]): Promise<versions.TagChange> {
    return versions.removeTags(this.#context, uid, tags);
  }
  setExpire(uid: string, expire: Date | null): Promise<void> {
    return versions.setExpire(this.#context, uid, expire);
  }
  /** The text of an export, a piece at a time. */
  async *exportText(uid: string): AsyncIterableIterator<string> {
    const { exportText } = await import('./transfer/export.ts');
    yield* exportText(this.#context, uid);
  }
  async exportToFile(uid: string, fileName: string): Promise<TransferResult> {
    const { exportToFile } = await import('./transfer/export.ts');
    return exportToFile(this.#context, uid, fileName);
  }
  async import(fileName: string, stdin: Readable): Promise<TransferResult> {
    const { importFrom } = await import('./transfer/import.ts');
    return importFrom(this.#context, fileName, stdin);
  }
}
