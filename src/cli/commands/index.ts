import type { Command } from '../command.ts';
import { backupCommand } from './backup.ts';
import { dueCommand } from './due.ts';
import { lsCommand } from './ls.ts';
import { cleanupCommand, exportCommand, importCommand, initdbCommand } from './maintenance.ts';
import { restoreCommand } from './restore.ts';
import { scrubCommand } from './scrub.ts';
import { slaCommand } from './sla.ts';
import { addTagCommand, expireCommand, protectCommand, removeTagCommand, rmCommand, unprotectCommand } from './versions.ts';

/** Every subcommand, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [
  initdbCommand,
  backupCommand,
  restoreCommand,
  protectCommand,
  unprotectCommand,
  rmCommand,
  scrubCommand,
  exportCommand,
  importCommand,
  cleanupCommand,
  lsCommand,
  addTagCommand,
  removeTagCommand,
  expireCommand,
  dueCommand,
  slaCommand,
];
