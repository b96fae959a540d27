import type { Readable } from 'node:stream';
import { NoDatabaseError } from '../meta/no-database.ts';
import type { ComparedRange } from '../model/comparison.ts';
import type { Job } from '../model/job.ts';
import type { Layout } from '../model/layout.ts';
import type { BackupStats, StatsFilter } from '../model/reports.ts';
import type { SpaceRecord } from '../model/run-record.ts';
import type { TaggedVersion } from '../model/version.ts';
import type { AutoRequest } from './auto/auto-backup.ts';
import type { AutoResult } from './auto/auto-request.ts';
import type { BackupRequest, BackupResult } from './backup/request.ts';
import type { Adoption } from './catalogue/adopt.ts';
import type { CatalogueDifference } from './catalogue/compare.ts';
import type { FlushTime } from './catalogue/flush.ts';
import type { ForgottenManifest } from './catalogue/forget.ts';
import type { StoreSelection } from './catalogue/from-store.ts';
import type { RebuildRequest, RebuildResult } from './catalogue/rebuild-result.ts';
import type { RecoveryFacts } from './catalogue/recovery-facts.ts';
import type { RemovedVersion } from './catalogue/removed-versions.ts';
import type { CatalogueRow } from './catalogue/status.ts';
import type { CatalogueSync } from './catalogue/sync.ts';
import type { UndeletedVersion } from './catalogue/undelete.ts';
import type { Context } from './context.ts';
import type { TextOutput } from './files/write-output.ts';
import type { MigrationRequest, MigrationResult } from './migrate/migrate-encryption.ts';
import type { MetricsRequest, MetricsText } from './monitor/metrics.ts';
import type { ReportData, ReportRequest } from './monitor/report-data.ts';
import type { StatusReport } from './monitor/status.ts';
import type { RepairRequest, RepairResult } from './repair/repair.ts';
import type { CoverageRow } from './reports/coverage.ts';
import type { VersionUsage } from './reports/du.ts';
import type { DueBackup } from './reports/due.ts';
import type { ScheduleRequest } from './reports/schedule-reports.ts';
import type { Breach } from './reports/sla.ts';
import type { RestoreRequest, RestoreResult } from './restore/request.ts';
import type { Executor, JobImage, RunRow, RunSummary } from './run/executor.ts';
import type { PlannedBackup } from './run/planner.ts';
import type { JobRequest } from './run/run-job.ts';
import type { RunRequest } from './run/runner.ts';
import type { ScrubRequest, ScrubResult } from './scrub/scrub.ts';
import type { OldestRequest, OldestResult } from './scrub/scrub-oldest.ts';
import type { SeveralRequest, SeveralResult } from './scrub/scrub-several.ts';
import type { MountRequest, MountResult } from './serve/mount-versions.ts';
import type { ServeNbdRequest, ServeNbdResult } from './serve/serve-nbd.ts';
import type { StreamRequest, StreamResult } from './stream/request.ts';
import type { TransferResult } from './transfer/transfer-result.ts';
import type { DatabaseBackup, DatabaseBackupRequest } from './upkeep/backup-db.ts';
import type { MetadataCheck } from './upkeep/check-metadata.ts';
import type { CleanupResult, FastCleanupRequest } from './upkeep/cleanup.ts';
import type { ConversionRequest, ConversionResult } from './upkeep/conversion-result.ts';
import type { RekeyResult } from './upkeep/rekey.ts';
import type { StorageStep } from './upkeep/storage-step.ts';
import type { FullCleanupRequest } from './upkeep/unnamed-blobs.ts';
import { addTags, removeTags, setExpire, setProtected, type TagChange } from './versions/edit-version.ts';
import { type ListRequest, listVersions } from './versions/list-versions.ts';
import type { ExpiredRequest, ExpiredResult } from './versions/remove-expired.ts';
import type { RemovalRequest, UnwantedResult } from './versions/remove-unwanted.ts';
import { type RemovalResult, removeVersion } from './versions/remove-version.ts';

/**
 * All operations of the program, one method each. They return data, print nothing, and throw
 * BackyErrors. The caller MUST call {@link open} first, except where a method says otherwise, and
 * {@link close} last. Larger operations are loaded on first use, so that `ls` starts fast.
 *
 * One thing, though long: the list of all that the program can do. No method has logic of its own.
 */
export class Backy {
  #context: Context;
  /** Ends the database of {@link openFromStore}. */
  #removeTemporary: (() => Promise<void>) | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  // Opening and closing

  /**
   * Opens the database, and upgrades or creates it if needed. Logs a warning if a new database was
   * created for a store that holds the blobs of a lost one. A missing database is an error then.
   * @param options
   * - `anyLayout`: it may have another layout than the configured one.
   * - `asItIs`: see {@link OpenOptions}.
   */
  async open({ anyLayout, asItIs }: { anyLayout: boolean; asItIs: boolean }): Promise<void> {
    try {
      const { meta, settings } = this.#context;
      const { isNew } = await meta.open({ asItIs, layout: anyLayout ? undefined : settings.layout });
      if (isNew) await this.#adoptStore();
    } catch (error) {
      if (!(error instanceof NoDatabaseError)) throw error;
      throw await (await import('./store/lost-database.ts')).explainNoDatabase(this.#context, error);
    }
  }

  /**
   * Instead of {@link open}: reads versions from the catalogue in the data backend into a temporary
   * database, on which all operations work then. The configured database is not needed.
   */
  async openFromStore(selection: StoreSelection): Promise<void> {
    const { contextFromStore } = await import('./catalogue/from-store.ts');
    const { context, remove } = await contextFromStore(this.#context, selection);
    this.#context = context;
    this.#removeTemporary = remove;
  }

  /** Creates the database's schema. Needs no `open`. */
  async initdb(layout: Layout): Promise<void> {
    await this.#context.meta.initialize(layout);
    await this.#adoptStore();
  }

  /** Closes the database and releases all locks. */
  async close(): Promise<void> {
    await (this.#removeTemporary?.() ?? this.#context.meta.close());
    await this.#context.locks.close();
  }

  async #adoptStore(): Promise<void> {
    await (await import('./store/lost-database.ts')).adoptStore(this.#context);
  }

  /** Brings the catalogue in the data backend up to date, before or after changes of versions. */
  async flushCatalogue(when: FlushTime = 'after'): Promise<void> {
    await (await import('./catalogue/flush.ts')).flushCatalogue(this.#context, when);
  }

  /** Says which versions the catalogue in the data backend has. */
  async catalogueStatus(): Promise<CatalogueRow[]> {
    return (await import('./catalogue/status.ts')).catalogueStatus(this.#context);
  }

  /** Writes what the catalogue lacks. What was stopped continues. */
  async syncCatalogue(): Promise<CatalogueSync> {
    return (await import('./catalogue/sync.ts')).syncCatalogue(this.#context);
  }

  /** Lists versions that catalogue and database do not have alike. */
  async compareCatalogue(): Promise<CatalogueDifference[]> {
    return (await import('./catalogue/compare.ts')).compareCatalogue(this.#context);
  }

  /** Brings versions into the database that only the catalogue has: one, or all. */
  async adoptVersions(uid?: string): Promise<Adoption> {
    try {
      return await (await import('./catalogue/adopt.ts')).adoptVersions(this.#context, uid);
    } finally {
      await this.flushCatalogue('after');
    }
  }

  /** Brings a removed version back, unless a cleanup has taken it. */
  async undelete(uid: string): Promise<UndeletedVersion> {
    return (await import('./catalogue/undelete.ts')).undelete(this.#context, uid);
  }

  /** Lists the removed versions that can come back. */
  async removedVersions(): Promise<RemovedVersion[]> {
    return (await import('./catalogue/removed-versions.ts')).removedVersions(this.#context);
  }

  /** Deletes the manifest of a version that the database lacks. */
  async forgetManifest(uid: string): Promise<ForgottenManifest> {
    return (await import('./catalogue/forget.ts')).forgetManifest(this.#context, uid);
  }

  // Versions

  /** Lists versions, sorted by name, then date. */
  list(request: ListRequest): Promise<TaggedVersion[]> {
    return listVersions(this.#context, request);
  }

  /** Removes a version. A young one is refused without `force`, a protected one always. */
  remove(uid: string, force: boolean): Promise<RemovalResult> {
    return removeVersion(this.#context, uid, force);
  }

  /** Removes expired versions, but never the newest valid one of a name. */
  async removeExpired(request: ExpiredRequest): Promise<ExpiredResult> {
    return (await import('./versions/remove-expired.ts')).removeExpired(this.#context, request);
  }

  /** Removes expired versions, and those that are more than their schedulers keep. */
  async prune(request: RemovalRequest): Promise<UnwantedResult> {
    return (await import('./versions/prune.ts')).prune(this.#context, request);
  }

  /** Forgets a name without versions, so that {@link sla} no longer expects it. */
  async forgetName(name: string): Promise<void> {
    await (await import('./versions/forget-name.ts')).forgetName(this.#context, name);
  }

  /** Protects a version from removal, or ends that. Throws `refused` if nothing would change. */
  setProtected(uid: string, value: boolean): Promise<void> {
    return setProtected(this.#context, uid, value);
  }

  /** Adds tags. Those that the version has already are ignored. */
  addTags(uid: string, tags: readonly string[]): Promise<TagChange> {
    return addTags(this.#context, uid, tags);
  }

  /** Removes tags. Those that the version does not have are ignored. */
  removeTags(uid: string, tags: readonly string[]): Promise<TagChange> {
    return removeTags(this.#context, uid, tags);
  }

  /** Sets the expire date; null clears it. */
  setExpire(uid: string, expire: Date | null): Promise<void> {
    return setExpire(this.#context, uid, expire);
  }

  // Backup and restore

  /**
   * Backs a source up to a new version, or resumes one. With `diffFrom`, only changes since that
   * snapshot are read.
   */
  async backup(request: BackupRequest): Promise<BackupResult> {
    const { diffFrom } = request;
    if (diffFrom === undefined) return (await import('./backup/backup.ts')).backup(this.#context, request);
    return (await import('./backup/diff-from.ts')).backupSince(this.#context, { ...request, diffFrom });
  }

  /**
   * Backs RBD images up from snapshots that it creates and removes. Returns a result for each
   * image.
   */
  async autoBackup(request: AutoRequest): Promise<AutoResult[]> {
    return (await import('./auto/auto-backup.ts')).autoBackup(this.#context, request);
  }

  /** Restores a version to a target. Continues past bad blocks and lists them in the result. */
  async restore(request: RestoreRequest): Promise<RestoreResult> {
    return (await import('./restore/restore.ts')).restore(this.#context, request);
  }

  /** Writes all bytes of a version to a sink, in order. Ends before the first bad block. */
  async streamVersion(request: StreamRequest): Promise<StreamResult> {
    return (await import('./stream/stream-version.ts')).streamVersion(this.#context, request);
  }

  /** Mounts all versions as files until the context's signal, or until somebody unmounts them. */
  async mount(request: MountRequest): Promise<MountResult> {
    return (await import('./serve/mount-versions.ts')).mountVersions(this.#context, request);
  }

  /** Serves versions over NBD until the context's signal. */
  async serveNbd(request: ServeNbdRequest): Promise<ServeNbdResult> {
    return (await import('./serve/serve-nbd.ts')).serveNbd(this.#context, request);
  }

  // Jobs

  /** Plans what {@link runJobs} would back up, and why. @param jobs keys; undefined: all. */
  async planRun(jobs?: readonly string[]): Promise<PlannedBackup[]> {
    return (await import('./run/plan-input.ts')).planRun(this.#context, jobs);
  }

  /** Makes the backups of jobs that are due, then the upkeep, and reports problems. */
  async runJobs(executor: Executor, request: RunRequest): Promise<RunSummary> {
    return (await import('./run/runner.ts')).runJobs(this.#context, executor, request);
  }

  /** Lists the images of a job. Asks the cluster if its source is a pattern. */
  async imagesOfJob(job: Job): Promise<JobImage[]> {
    return (await import('./run/job-images.ts')).imagesOfJob(this.#context, job);
  }

  /** Backs an image up with the hooks of its job, if that is due. */
  async runJob(request: JobRequest): Promise<RunRow> {
    return (await import('./run/run-job.ts')).runJob(this.#context, request);
  }

  // Verification

  /** Verifies the blobs of a version. Marks bad blocks and the versions that hold them invalid. */
  async scrub(request: ScrubRequest): Promise<ScrubResult> {
    return (await import('./scrub/scrub.ts')).scrub(this.#context, request);
  }

  /** Scrubs several versions one after the other, and continues after bad ones. */
  async scrubSeveral(request: SeveralRequest): Promise<SeveralResult> {
    return (await import('./scrub/scrub-several.ts')).scrubSeveral(this.#context, request);
  }

  /** Verifies the blobs that were not verified for the longest time, across all versions. */
  async scrubOldest(request: OldestRequest): Promise<OldestResult> {
    return (await import('./scrub/scrub-oldest.ts')).scrubOldest(this.#context, request);
  }

  /** Reports how many blobs were verified in the last `days`, a row for each number of days. */
  async coverage(days: readonly number[]): Promise<CoverageRow[]> {
    return (await import('./reports/coverage.ts')).reportCoverage(this.#context, days);
  }

  /** Replaces the bad blocks of a version by data from a source. */
  async repair(request: RepairRequest): Promise<RepairResult> {
    return (await import('./repair/repair.ts')).repair(this.#context, request);
  }

  // Reports

  /** Lists the backups that are due, the longest due first. */
  async due(request: ScheduleRequest): Promise<DueBackup[]> {
    return (await import('./reports/schedule-reports.ts')).reportDue(this.#context, request);
  }

  /** Lists SLA breaches, by name. */
  async sla(request: ScheduleRequest): Promise<Breach[]> {
    return (await import('./reports/schedule-reports.ts')).reportSla(this.#context, request);
  }

  /** Judges the backups of all names, or of one. Works while a cleanup has the installation. */
  async status(name?: string): Promise<StatusReport> {
    return (await import('./monitor/status.ts')).statusOf(this.#context, name);
  }

  /** Writes metrics for Prometheus as text. */
  async metrics(request: MetricsRequest): Promise<MetricsText> {
    return (await import('./monitor/metrics.ts')).metricsText(this.#context, request);
  }

  /** Writes them to a file, which is complete at any time. */
  async metricsToFile(request: MetricsRequest & { fileName: string }): Promise<MetricsText> {
    return (await import('./monitor/metrics.ts')).metricsToFile(this.#context, request);
  }

  /** Measures the space of all versions, and keeps it for `status`, `metrics` and `report`. */
  async recordSpace(): Promise<SpaceRecord> {
    return (await import('./monitor/measure-space.ts')).recordSpace(this.#context);
  }

  /** Gathers the data of a page about all backups. */
  async report(request: ReportRequest): Promise<ReportData> {
    return (await import('./monitor/report-data.ts')).gatherReport(this.#context, request);
  }

  /** Writes a text to a file, which appears once it is complete, or into a pipe or device. */
  async writeText(output: TextOutput): Promise<void> {
    await (await import('./files/write-output.ts')).writeOutput(this.#context, output);
  }

  /** Lists the statistics of backups, oldest first. */
  async stats(filter: StatsFilter): Promise<BackupStats[]> {
    return (await import('./reports/stats.ts')).listStats(this.#context, filter);
  }

  /** Reports the disk usage of one version, or of all. */
  async du(uid: string | undefined): Promise<VersionUsage[]> {
    return (await import('./reports/du.ts')).du(this.#context, uid);
  }

  /** Compares two versions by their metadata. Yields a page of blocks at a time. */
  async *diffMeta(leftUid: string, rightUid: string): AsyncIterableIterator<ComparedRange[]> {
    yield* (await import('./reports/diff-meta.ts')).diffMeta(this.#context, leftUid, rightUid);
  }

  // Export and import

  /** Exports a version's metadata as text, in pieces. */
  async *exportText(uid: string): AsyncIterableIterator<string> {
    yield* (await import('./transfer/export.ts')).exportText(this.#context, uid);
  }

  /** Exports a version's metadata to a file, which appears once it is complete. */
  async exportToFile(uid: string, fileName: string): Promise<TransferResult> {
    return (await import('./transfer/export.ts')).exportToFile(this.#context, uid, fileName);
  }

  /** Imports an export completely or not at all. `fileName` `-` reads `stdin`. */
  async import(fileName: string, stdin: Readable): Promise<TransferResult> {
    return (await import('./transfer/import.ts')).importFrom(this.#context, fileName, stdin);
  }

  // Upkeep

  /** Deletes blobs of versions that were removed `keep_removed` ago. Backups may run meanwhile. */
  async cleanupFast(request: FastCleanupRequest): Promise<CleanupResult> {
    return (await import('./upkeep/cleanup.ts')).cleanupFast(this.#context, request);
  }

  /** Deletes every blob that no version names. No other operation may run meanwhile. */
  async cleanupFull(request: FullCleanupRequest): Promise<CleanupResult> {
    return (await import('./upkeep/cleanup.ts')).cleanupFull(this.#context, request);
  }

  /**
   * Makes the database from the catalogue in the data backend. Needs no `open`. Continues what was
   * stopped. Needs the whole installation.
   */
  async rebuildDatabase(request: RebuildRequest): Promise<RebuildResult> {
    return (await import('./catalogue/rebuild-database.ts')).rebuildDatabase(this.#context, request);
  }

  /** Says what one must know to come back from the store. Needs no `open`. */
  async recoveryFacts(): Promise<RecoveryFacts> {
    return (await import('./catalogue/recovery-facts.ts')).recoveryFacts(this.#context);
  }

  /** Copies the database to a file. Needs no `open`. */
  async backupDatabase(request: DatabaseBackupRequest): Promise<DatabaseBackup> {
    return (await import('./upkeep/backup-db.ts')).backupDatabase(this.#context, request);
  }

  /** Converts the database to another layout. Needs the whole installation. */
  async convertDatabase(request: ConversionRequest): Promise<ConversionResult> {
    return (await import('./upkeep/convert-database.ts')).convertDatabase(this.#context, request);
  }

  /**
   * Tests the data backend with blobs of its own. Needs no `open` and no database, but compares
   * with an existing one.
   */
  async checkStorage(): Promise<StorageStep[]> {
    return (await import('./upkeep/check-storage.ts')).checkStorageThoroughly(this.#context);
  }

  /** Checks the database itself, without reading blobs. Changes nothing, and logs each finding. */
  async checkMetadata(): Promise<MetadataCheck> {
    return (await import('./upkeep/check-metadata.ts')).checkMetadata(this.#context);
  }

  /** Wraps all data keys with the configured master key instead of `oldKey` (64 hex digits). */
  async rekey(oldKey: string): Promise<RekeyResult> {
    return (await import('./upkeep/rekey.ts')).rekey(this.#context, oldKey);
  }

  /** Copies a version to blobs of the configured encryption version. */
  async migrateEncryption(request: MigrationRequest): Promise<MigrationResult> {
    return (await import('./migrate/migrate-encryption.ts')).migrateEncryption(this.#context, request);
  }
}
