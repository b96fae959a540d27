import type { Readable } from 'node:stream';
import { type BackupRequest, type BackupResult, backup } from './backup/backup.ts';
import { type CleanupResult, cleanupFast, cleanupFull, type FastCleanupRequest } from './cleanup.ts';
import type { Context } from './context.ts';
import type { DueBackup } from './due.ts';
import { type RestoreRequest, type RestoreResult, restore } from './restore.ts';
import { reportDue, reportSla, type ScheduleRequest } from './schedule-reports.ts';
import { type ScrubRequest, type ScrubResult, scrub } from './scrub.ts';
import type { Breach } from './sla.ts';
import { exportText, exportToFile, importFrom, type TransferResult } from './transfer.ts';
import * as versions from './versions.ts';

/**
 * The program behind the commands: one method an operation, each of which returns data and prints nothing.
 * Failures are BackyErrors. The meta store is open from {@link Backy.open} to {@link Backy.close}.
 */
export class Backy {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Opens the database. */
  async open(): Promise<void> {
    await this.#context.meta.open();
  }

  /** Creates the database's schema; the one method that needs no `open`. */
  async initdb(): Promise<void> {
    await this.#context.meta.initialize();
  }

  /** Leaves the database closed and whole. */
  async close(): Promise<void> {
    await this.#context.meta.close();
  }

  backup(request: BackupRequest): Promise<BackupResult> {
    return backup(this.#context, request);
  }
  restore(request: RestoreRequest): Promise<RestoreResult> {
    return restore(this.#context, request);
  }
  scrub(request: ScrubRequest): Promise<ScrubResult> {
    return scrub(this.#context, request);
  }
  cleanupFast(request: FastCleanupRequest): Promise<CleanupResult> {
    return cleanupFast(this.#context, request);
  }
  cleanupFull(prefix: string): Promise<CleanupResult> {
    return cleanupFull(this.#context, prefix);
  }
  list(request: versions.ListRequest) {
    return versions.listVersions(this.#context, request);
  }
  due(request: ScheduleRequest): Promise<DueBackup[]> {
    return reportDue(this.#context, request);
  }
  sla(request: ScheduleRequest): Promise<Breach[]> {
    return reportSla(this.#context, request);
  }
  remove(uid: string, force: boolean): Promise<versions.RemovalResult> {
    return versions.removeVersion(this.#context, uid, force);
  }
  setProtected(uid: string, value: boolean): Promise<void> {
    return versions.setProtected(this.#context, uid, value);
  }
  addTags(uid: string, tags: readonly string[]): Promise<void> {
    return versions.addTags(this.#context, uid, tags);
  }
  removeTags(uid: string, tags: readonly string[]): Promise<void> {
    return versions.removeTags(this.#context, uid, tags);
  }
  setExpire(uid: string, expire: Date | null): Promise<void> {
    return versions.setExpire(this.#context, uid, expire);
  }
  /** The text of an export, a piece at a time. */
  exportText(uid: string): AsyncIterableIterator<string> {
    return exportText(this.#context, uid);
  }
  exportToFile(uid: string, fileName: string): Promise<TransferResult> {
    return exportToFile(this.#context, uid, fileName);
  }
  import(fileName: string, stdin: Readable): Promise<TransferResult> {
    return importFrom(this.#context, fileName, stdin);
  }
}
