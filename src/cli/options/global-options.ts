import type { WordSpec } from '../command.ts';

/** The values of the options before the subcommand. */
export interface GlobalOptions {
  verbose?: true;
  debug?: true;
  quiet?: true;
  machineOutput?: true;
  skipHeader?: true;
  humanReadable?: true;
  configfile?: string;
  json?: true;
  color?: boolean;
}

/** Their words. Parsing, help, completion and man page are made from them. */
export const GLOBAL_OPTIONS: readonly WordSpec[] = [
  ['-v, --verbose', 'log debug messages'],
  ['-d, --debug', 'log debug messages, and stacks of unexpected errors'],
  ['-q, --quiet', 'print data, and log errors only'],
  ['-m, --machine-output', 'print columns joined by |, and log errors only'],
  ['-s, --skip-header', 'leave out the header of tables'],
  ['-r, --human-readable', 'print sizes with units'],
  ['-c, --configfile <file>', 'read only this config file'],
  ['--json', 'print one JSON document, and log errors only'],
  ['--no-color', 'print without colours'],
];

/** Prints the version and exits. */
export const VERSION_OPTION = ['-V, --version', 'print the version'] as const;

/** Prints help and exits; every command has it. */
export const HELP_OPTION = ['-h, --help', 'print this help'] as const;

/** The program in one sentence. */
export const SUMMARY = 'Deduplicating backup for block devices.';
