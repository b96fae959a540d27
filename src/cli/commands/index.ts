import type { Command, TextCommand } from '../command.ts';
import { backupCommand } from './backup.ts';
import { backupDbCommand } from './backup-db.ts';
import { catalogueCommand } from './catalogue.ts';
import { checkMetadataCommand } from './check-metadata.ts';
import { checkStorageCommand } from './check-storage.ts';
import { cleanupCommand } from './cleanup.ts';
import { completionCommand } from './completion.ts';
import { convertDbCommand } from './convert-db.ts';
import { diffMetaCommand } from './diff-meta.ts';
import { duCommand } from './du.ts';
import { dueCommand } from './due.ts';
import { expireCommand } from './expire.ts';
import { exportCommand } from './export.ts';
import { fuseCommand } from './fuse.ts';
import { importCommand } from './import.ts';
import { initdbCommand } from './initdb.ts';
import { jobCommand } from './job.ts';
import { lsCommand } from './ls.ts';
import { metricsCommand } from './metrics.ts';
import { migrateEncryptionCommand } from './migrate-encryption.ts';
import { nbdCommand } from './nbd.ts';
import { protectCommand, unprotectCommand } from './protect.ts';
import { pruneCommand } from './prune.ts';
import { rebuildDbCommand } from './rebuild-db.ts';
import { recoverySheetCommand } from './recovery-sheet.ts';
import { rekeyCommand } from './rekey.ts';
import { repairCommand } from './repair.ts';
import { reportCommand } from './report.ts';
import { restoreCommand } from './restore.ts';
import { rmCommand } from './rm.ts';
import { runCommand } from './run.ts';
import { scrubCommand } from './scrub.ts';
import { slaCommand } from './sla.ts';
import { statsCommand } from './stats.ts';
import { statusCommand } from './status.ts';
import { addTagCommand, removeTagCommand } from './tags.ts';
import { undeleteCommand } from './undelete.ts';

/** The subcommands that work on an installation, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  initdbCommand,
  backupCommand,
  restoreCommand,
  protectCommand,
  unprotectCommand,
  rmCommand,
  pruneCommand,
  undeleteCommand,
  scrubCommand,
  repairCommand,
  exportCommand,
  importCommand,
  cleanupCommand,
  lsCommand,
  statsCommand,
  diffMetaCommand,
  duCommand,
  fuseCommand,
  nbdCommand,
  addTagCommand,
  removeTagCommand,
  expireCommand,
  rekeyCommand,
  migrateEncryptionCommand,
  checkStorageCommand,
  checkMetadataCommand,
  catalogueCommand,
  backupDbCommand,
  convertDbCommand,
  rebuildDbCommand,
  recoverySheetCommand,
  dueCommand,
  slaCommand,
  runCommand,
  jobCommand,
  statusCommand,
  metricsCommand,
  reportCommand,
];

/** All subcommands. */
export const ALL_COMMANDS: readonly (Command | TextCommand)[] = [...COMMANDS, completionCommand];
