// The rules for deliberate differences from the recordings. `A -> B`: the original does A, this
// program does B.

export const MISSING_OPTIONS = 'docs/spec/semantics.md §14: with `-c FILE`, missing options are errors -> defaults apply';
export const ALREADY_INITIALISED = `${MISSING_OPTIONS}; so that initdb finds a database, which is an error (docs/spec/command-line.md §4, initdb)`;
export const CONFIG_IS_1 =
  'docs/spec/command-line.md §2, exit code 1: config file missing or wrong; database not initialised or not reachable';
export const UNKNOWN_VERSION = 'docs/spec/semantics.md §14: `expire` and `add-tag` on an unknown version exit 0 -> exit 100';
export const REMOVE_TAG = 'docs/spec/command-line.md §4, add-tag / remove-tag: an unknown version is an error';
export const WRONG_KIND = 'docs/spec/command-line.md §2, exit code 2: wrong usage: … value of the wrong kind';
export const CHECKED_BEFORE_OPENING = `${WRONG_KIND}; values are checked before the database is opened`;
export const ZERO_BYTES = "docs/spec/semantics.md §14: a 0-byte version can't be restored -> works";
export const NULL_BACKEND =
  'docs/spec/semantics.md §14: the null data backend works only with encryption -> with and without; restores and scrubs back';
export const PARTLY_TOUCHED =
  'docs/spec/semantics.md §14: a block that an `exists: false` range touches only in part becomes sparse -> it is read';
export const HINTS_ARE_AN_ARRAY =
  'docs/spec/semantics.md §2.2: the file is one JSON array … `[{offset, length, exists}]`; anything else: clear error';
export const WHOLE_FILE = 'docs/spec/semantics.md §14: only the first line of a hints file is read -> the whole file';
export const EMPTY_HINTS =
  "docs/spec/semantics.md §14: `-r '[]'` with `-f` copies the base unchecked -> sampled like any other; block 3 differs";
export const LENGTH_CHANGED =
  "docs/spec/semantics.md §14: hinted backups lose data in blocks whose length changed or that lie past the base's end -> they are read";
export const FEW_UNHINTED = 'docs/spec/semantics.md §14: fewer than 5 unhinted blocks crash the sanity check -> works';
export const CHECKED_FIRST = 'docs/spec/semantics.md §2.3: compared before anything is stored';
export const LOCKS_REMOVED = 'docs/spec/formats.md §6: lock files are removed when released';
export const RESTORE_GOES_ON =
  'docs/spec/semantics.md §14: restore with bad blocks exits 0; a missing blob stops it -> continues, exit 20';
export const INCOMPLETE = 'docs/spec/command-line.md §2, exit code 20: restore finished but some blocks are wrong or missing';
export const INVALID_READ_AGAIN =
  'docs/spec/semantics.md §14: `-c` skips blocks that are marked invalid, then calls the version valid -> they are read again';
export const CONTINUE_WITH_BASE =
  'docs/spec/semantics.md §2.7: existing rows are kept, the rest is done (here: copied from the base)';
export const DATES = 'docs/spec/command-line.md §3: dates print as `YYYY-MM-DD HH:MM:SS`';
export const JSON_DATES = 'docs/spec/command-line.md §4, backup: `-e` takes what `--json` prints';
export const NO_HANG = 'docs/spec/semantics.md §14: a missing or short source makes scrub -s and backup hang -> error';
export const PARTIAL_SCRUB = 'docs/spec/semantics.md §4: a partial scrub never turns an invalid version valid';
export const BLOCKS_VALID = 'docs/spec/semantics.md §14: a good full scrub leaves blocks marked invalid -> they become valid';
export const MENDED = 'docs/commands.md, Scrub: the next backup that reads the content of a bad block mends it in all versions';
export const DEDUP_COUNTED = 'docs/spec/semantics.md §8: the original forgot to count dedup found by checksum';
export const PREFIX = 'docs/spec/command-line.md §4, cleanup: `-p` works on every backend';
export const ONE_TRANSACTION =
  'docs/spec/semantics.md §14: a broken import can leave half a version and say it worked -> one transaction';
export const NOT_IMPORTABLE = 'docs/spec/command-line.md §2, exit code 23: import: not an importable file';
export const SQLITE_UPGRADED = "docs/spec/semantics.md §14: SQLite databases of old revisions can't be upgraded -> upgraded";
export const EMPTY_IS_NULL =
  'docs/spec/formats.md §5: a NULL is an empty field; §1: uid and checksum NULL means the block is all zero';
export const NO_EMPTY_LINE =
  'docs/spec/formats.md §5: line 1 names the format, line 2 is the version, then one line per block; no empty line at the end';
export const EMPTY_LINE_IS_READ =
  'docs/spec/formats.md: an installation must be able to switch without converting anything: the same exports; `export -` of the original ends with an empty line';
export const READERS_EXCLUDE = "docs/spec/semantics.md §5: a version being exported can't be removed, and the other way round";
export const TAGS_ADD_UP = 'docs/spec/semantics.md §2.7: stats and tags add up as one backup';
export const ONE_ROW_A_TAG = 'docs/spec/formats.md §2: `tags` has at most one row for a version and a name';
export const END_OF_OPTIONS = 'docs/spec/command-line.md §1: `--` ends the options; the command follows';
export const DIFF_LENGTHS = 'docs/spec/semantics.md §14: `diff-meta` of versions with different lengths fails -> works';
export const DIFF_UNKNOWN =
  'docs/spec/command-line.md §2, exit code 100: any other failure: one ERROR line with the reason; here that there is no such version';
export const STATS_ORDER =
  'docs/spec/command-line.md §4, stats: the newest N, oldest first, also those that ended within a second';
export const SAMPLE_NOT_COUNTED =
  'docs/spec/semantics.md §2.3 and §8: sampled blocks are compared before anything is stored, then taken over: dedup';
export const ESCAPED =
  'docs/spec/semantics.md §14: control characters in names reach the terminal, and break tables -> shown escaped in tables';
export const UNKNOWN_FIELD =
  'docs/spec/command-line.md §3: an unknown field is an error that lists the known ones; no header comes before it';
export const UNICODE =
  'docs/spec/command-line.md §3: byte for byte as in the transcripts, wide Unicode characters included; whatever the locale';
export const STORED_ONCE = 'docs/spec/semantics.md §14: equal blocks in flight at once are stored several times -> once';
export const DEFAULT_SCHEDULERS =
  'docs/spec/command-line.md §4, due: without `-s`: the option `default_schedulers` (default `daily`)';
export const SCHEDULE_ORDER =
  'docs/spec/semantics.md §14: order of schedulers and names in `due`/`sla` is random -> as asked, and by name';
export const DAMAGED_IS_MARKED =
  'docs/spec/semantics.md §14: a damaged encrypted blob ends scrub with exit 100 and marks nothing -> handled like a wrong checksum';
export const KEY_IS_PROVEN =
  'docs/spec/command-line.md §2, exit code 100: any other failure: the data backend did not fail, the key is missing or wrong, which is found before anything is written';
export const KEY_OF_THE_ROW = "docs/spec/formats.md §4: a scrub or restore uses the row's enc_version, and the key is configured";
export const MIGRATION_WORKS = 'docs/spec/semantics.md §14: `migrate-encryption` works only where nothing is to do -> works';
export const STORE_ID =
  'docs/promises.md: the data folder has a file with the id of the store, which the original neither reads nor deletes';
export const STORE_FIRST =
  'docs/promises.md: a store that is not the one of the database is refused before anything is stored: no version is begun';
export const ANY_NUMBER = 'docs/spec/semantics.md §7: `interval`, `sla`: number with s, m, h or d (here: 1.5d)';
export const LEAVES_DATA_OUT =
  'docs/spec/semantics.md §14: `-r` without `-f` makes zeros of all that the hints leave out -> a sample of it must be zero, else exit 5';
export const EXISTS_IS_BOOLEAN =
  'docs/spec/semantics.md §14: `exists` is false for 0, "" and null, true for anything else -> a boolean, "true" or "false"; else an error';
export const NOTHING_TO_RESUME = 'docs/spec/semantics.md §14: `restore -c` on a new file leaves its first blocks zero -> refused';
export const TOO_MANY_BLOCKS = 'docs/spec/semantics.md §3: N of `restore -c` must not exceed the number of blocks';
export const OLD_KEY_ELSEWHERE =
  'docs/spec/command-line.md §4, rekey: the old key may also come from the environment or a file, so that its lack shows only when the log has begun';
