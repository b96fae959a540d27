import type { Command, TextCommand } from '../command.ts';
import { backupCommand } from './backup.ts';
import { backupDbCommand } from './backup-db.ts';
import { checkStorageCommand } from './check-storage.ts';
import { completionCommand } from './completion.ts';
import { diffMetaCommand } from './diff-meta.ts';
import { duCommand } from './du.ts';
import { dueCommand } from './due.ts';
import { fuseCommand } from './fuse.ts';
import { lsCommand } from './ls.ts';
import { cleanupCommand, exportCommand, importCommand, initdbCommand } from './maintenance.ts';
import { migrateEncryptionCommand } from './migrate-encryption.ts';
import { nbdCommand } from './nbd.ts';
import { rekeyCommand } from './rekey.ts';
import { repairCommand } from './repair.ts';
import { restoreCommand } from './restore.ts';
import { scrubCommand } from './scrub.ts';
import { slaCommand } from './sla.ts';
import { statsCommand } from './stats.ts';
import { addTagCommand, expireCommand, protectCommand, removeTagCommand, rmCommand, unprotectCommand } from './versions.ts';

/** Every subcommand that works on an installation, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [
  initdbCommand,
  backupCommand,
  restoreCommand,
  protectCommand,
  unprotectCommand,
  rmCommand,
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
  backupDbCommand,
  dueCommand,
  slaCommand,
];

/** Every subcommand there is. */
export const ALL_COMMANDS: readonly (Command | TextCommand)[] = [...COMMANDS, completionCommand];
