/** The options before the subcommand, in commander's syntax, with what each does; help, completion and man page are made from them. */
export const GLOBAL_OPTIONS: readonly (readonly [flags: string, description: string])[] = [
  ['-v, --verbose', 'log more (DEBUG)'],
  ['-d, --debug', 'log more, and stack traces of unexpected errors'],
  ['-m, --machine-output', 'columns joined by |, and no log below ERROR'],
  ['-s, --skip-header', 'tables without the header'],
  ['-r, --human-readable', 'sizes with units'],
  ['-c, --configfile <file>', 'read this config file alone'],
  ['--json', 'one JSON document on stdout, and no log below ERROR'],
  ['--no-color', 'no colours'],
];

/** Prints the version and ends. */
export const VERSION_OPTION = ['-V, --version', 'print the version'] as const;

/** Prints help and ends; every command has it as well. */
export const HELP_OPTION = ['-h, --help', 'print this help'] as const;

/** What the program is, in one sentence. */
export const SUMMARY = 'Deduplicating backup for block devices.';
