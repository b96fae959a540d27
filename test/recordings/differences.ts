import { NEWEST_REVISION } from '../../src/meta/sql/revisions.ts';
import type { Difference } from './difference.ts';
import { asAsked, breachesAlone, dailyAlone, dailyLines, halfADayLater, noneDue, sortedByName } from './due-tables.ts';
import { OLD_RELEASES, type OldRelease } from './old-release.ts';
import * as REASON from './reasons.ts';
import { countedOnce, editStats, STATS_COLUMNS } from './stats-rows.ts';
import { editTable, layTable, type Row, tableRows } from './table.ts';

const LS_COLUMNS = ['date', 'name', 'snapshot_name', 'size', 'size_bytes', 'uid', 'valid', 'protected', 'tags', 'expire'];

/** A restore that is refused makes no target. */
const NO_TARGET: Difference['files'] = {
  command: /^cmp a r_/,
  says: (so) => `cmp: ${/r_\S+/.exec(so)?.[0]}: No such file or directory`,
};

/** Rows of versions, their validity and bad blocks: all good. */
const mended = (recording: string, call: number): Difference => ({
  recording,
  call,
  reason: REASON.MENDED,
  state: { rows: (rows: string[][]) => rows.map((row) => replaced(row, { 1: '1', 2: 'NULL' })) },
});

/**
 * Each deliberate difference from the recordings, with the rule that demands it. A line that the
 * replay does not need fails it. One table, so that all differences can be read in one place; hence
 * its length.
 */
export const DIFFERENCES: Difference[] = [
  { recording: '01-usage-help', call: 45, reason: REASON.OLD_KEY_ELSEWHERE, stdout: () => 'the first line of the log' },
  { recording: '02-config', call: 6, reason: REASON.MISSING_OPTIONS, exitCode: 0, stdout: emptyLs },
  { recording: '02-config', call: 8, reason: REASON.ALREADY_INITIALISED, exitCode: 100 },
  { recording: '02-config', call: 11, reason: REASON.ALREADY_INITIALISED, exitCode: 100 },
  { recording: '02-config', call: 12, reason: REASON.ALREADY_INITIALISED, exitCode: 100 },
  { recording: '02-config', call: 18, reason: REASON.ALREADY_INITIALISED, exitCode: 100 },
  { recording: '02-config', call: 19, reason: REASON.ALREADY_INITIALISED, exitCode: 100 },
  { recording: '02-config', call: 21, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '02-config', call: 26, reason: REASON.ALREADY_INITIALISED, exitCode: 100 },
  { recording: '02-config', call: 27, reason: REASON.MISSING_OPTIONS, exitCode: 0, stdout: emptyLs },
  {
    recording: '02-config',
    call: 38,
    reason: 'docs/spec/formats.md §7: with `-c FILE` only that file',
    exitCode: 0,
    stdout: emptyLs,
  },
  { recording: '03-initdb', call: 15, reason: REASON.CHECKED_BEFORE_OPENING, exitCode: 2 },
  { recording: '03-initdb', call: 17, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '03-initdb', call: 19, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '03-initdb', call: 29, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '04-unknown-uid', call: 12, reason: REASON.DIFF_UNKNOWN, exitCode: 100 },
  { recording: '04-unknown-uid', call: 15, reason: REASON.UNKNOWN_VERSION, exitCode: 100 },
  { recording: '04-unknown-uid', call: 16, reason: REASON.REMOVE_TAG, exitCode: 100 },
  { recording: '04-unknown-uid', call: 17, reason: REASON.UNKNOWN_VERSION, exitCode: 100 },
  { recording: '04-unknown-uid', call: 18, reason: REASON.UNKNOWN_VERSION, exitCode: 100 },
  { recording: '04-unknown-uid', call: 22, reason: REASON.DEFAULT_SCHEDULERS, stdout: dailyAlone },
  { recording: '05-backup-file', call: 2, reason: REASON.ZERO_BYTES, exitCode: 0 },
  { recording: '05-backup-file', call: 38, reason: REASON.DEDUP_COUNTED, stdout: countedOnce({ zero: 3 }) },
  { recording: '06-backup-null', call: 20, reason: REASON.DEDUP_COUNTED, stdout: countedOnce() },
  { recording: '06-backup-null', call: 20, reason: REASON.STATS_ORDER, stdout: (so) => editTable(so, byUid) },
  { recording: '06-backup-null', call: 27, reason: REASON.NULL_BACKEND, exitCode: 0 },
  { recording: '06-backup-null', call: 29, reason: REASON.NULL_BACKEND, exitCode: 0 },
  {
    recording: '06-backup-null',
    call: 32,
    reason: REASON.NULL_BACKEND,
    stdout: (so) => so.replace('with 0 blocks', 'with 2 blocks'),
  },
  { recording: '06-backup-null', call: 36, reason: REASON.NULL_BACKEND, exitCode: 0 },
  { recording: '06-backup-null', call: 37, reason: REASON.NULL_BACKEND, exitCode: 0 },
  ...[1, 2, 4, 7, 8, 9, 10, 15, 21, 23, 24, 25].map((call) => ({
    recording: '07-hints',
    call,
    reason: REASON.LEAVES_DATA_OUT,
    exitCode: 5,
  })),
  { recording: '07-hints', call: 3, reason: REASON.EXISTS_IS_BOOLEAN, exitCode: 100 },
  ...[1, 2, 3, 4, 8, 9, 10, 23, 24, 25].map((call) => ({
    recording: '07-hints',
    call,
    reason: call === 3 ? REASON.EXISTS_IS_BOOLEAN : REASON.LEAVES_DATA_OUT,
    state: { rows: () => [] },
  })),
  ...[12, 17, 19].map((call) => ({ recording: '07-hints', call, reason: REASON.HINTS_ARE_AN_ARRAY, exitCode: 100 })),
  { recording: '07-hints', call: 22, reason: REASON.LEAVES_DATA_OUT, stdout: emptyLs, state: { rows: () => [] } },
  {
    recording: '07-hints',
    call: 26,
    reason: REASON.LEAVES_DATA_OUT,
    exitCode: 100,
    files: { command: /r18/, says: () => "ls: cannot access 'r18': No such file or directory" },
  },
  { recording: '08-from-version', call: 3, reason: REASON.DEDUP_COUNTED, stdout: countedOnce() },
  {
    recording: '08-from-version',
    call: 6,
    reason: REASON.SAMPLE_NOT_COUNTED,
    stdout: statsWith({ read: [4096, 1], dedup: [73_728, 18] }),
  },
  { recording: '08-from-version', call: 10, reason: REASON.EMPTY_HINTS, exitCode: 5 },
  { recording: '08-from-version', call: 11, reason: REASON.EMPTY_HINTS, stdout: () => layTable(STATS_COLUMNS, []) },
  {
    recording: '08-from-version',
    call: 12,
    reason: REASON.EMPTY_HINTS,
    exitCode: 100,
    files: { command: /r2/, says: () => 'no file r2' },
  },
  { recording: '08-from-version', call: 16, reason: REASON.LENGTH_CHANGED, files: { command: /r4/, says: identical } },
  { recording: '08-from-version', call: 17, reason: REASON.LENGTH_CHANGED, state: { rows: lastBlockHasData } },
  { recording: '08-from-version', call: 18, reason: REASON.LENGTH_CHANGED, files: { command: /r5/, says: identical } },
  { recording: '08-from-version', call: 23, reason: REASON.FEW_UNHINTED, exitCode: 0 },
  {
    recording: '08-from-version',
    call: 24,
    reason: REASON.FEW_UNHINTED,
    stdout: (so) => editTable(so, (rows) => rows.map(asNewBackup)),
  },
  { recording: '08-from-version', call: 25, reason: REASON.FEW_UNHINTED, exitCode: 0 },
  { recording: '08-from-version', call: 28, reason: REASON.CHECKED_FIRST, state: { query: /deleted_blocks/, rows: () => [] } },
  {
    recording: '08-from-version',
    call: 28,
    reason: `${REASON.LOCKS_REMOVED}; how many blobs there are depends on what was sampled, and ${REASON.STORE_ID}`,
    files: { command: /^ls locks/, says: () => '27' },
  },
  {
    recording: '08-from-version',
    call: 31,
    reason: `${REASON.FEW_UNHINTED}; ${REASON.EMPTY_HINTS}`,
    stdout: (so) => editTable(so, (rows) => rows.filter(({ name }) => name !== 'vm0').map(asNewBackup)),
  },
  { recording: '09-continue', call: 3, reason: REASON.INCOMPLETE, exitCode: 20 },
  { recording: '09-continue', call: 5, reason: REASON.TAGS_ADD_UP, stdout: (so) => so.replace('[t3]', '[t1,t2,t3]') },
  { recording: '09-continue', call: 6, reason: REASON.TAGS_ADD_UP, stdout: wholeBackup },
  { recording: '09-continue', call: 10, reason: REASON.TAGS_ADD_UP, stdout: allTags },
  { recording: '09-continue', call: 11, reason: REASON.TAGS_ADD_UP, stdout: wholeBackup },
  { recording: '09-continue', call: 12, reason: REASON.TAGS_ADD_UP, stdout: allTags },
  {
    recording: '09-continue',
    call: 12,
    reason: REASON.INVALID_READ_AGAIN,
    state: { query: /^select id,valid/, rows: rowsWith({ 1: '1' }, 1) },
  },
  { recording: '09-continue', call: 16, reason: REASON.LEAVES_DATA_OUT, exitCode: 5, state: { rows: () => [] } },
  { recording: '09-continue', call: 17, reason: REASON.CONTINUE_WITH_BASE, exitCode: 0 },
  { recording: '09-continue', call: 18, reason: REASON.CONTINUE_WITH_BASE, exitCode: 0 },
  { recording: '10-tags', call: 6, reason: REASON.ONE_ROW_A_TAG, stdout: (so) => so.replace('[a,a]', '[a]') },
  { recording: '10-tags', call: 8, reason: REASON.ONE_ROW_A_TAG, stdout: (so) => so.replace('[,]', '[]') },
  { recording: '10-tags', call: 19, reason: REASON.UNKNOWN_VERSION, exitCode: 100 },
  { recording: '10-tags', call: 20, reason: REASON.UNKNOWN_VERSION, exitCode: 100 },
  { recording: '11-expire', call: 14, reason: REASON.JSON_DATES, exitCode: 0 },
  { recording: '11-expire', call: 38, reason: REASON.JSON_DATES, exitCode: 0 },
  {
    recording: '11-expire',
    call: 46,
    reason: REASON.JSON_DATES,
    stdout: (text) => text.replace('9999-12-31 00:00:00', '2030-01-02 03:04:05'),
  },
  { recording: '11-expire', call: 23, reason: REASON.DATES, stdout: fourDigitYears },
  { recording: '11-expire', call: 24, reason: REASON.DATES, stdout: fourDigitYears },
  { recording: '11-expire', call: 49, reason: REASON.UNKNOWN_VERSION, exitCode: 100 },
  { recording: '11-expire', call: 51, reason: REASON.UNKNOWN_VERSION, exitCode: 100 },
  {
    recording: '12-restore',
    call: 8,
    reason: REASON.NOTHING_TO_RESUME,
    exitCode: 1,
    files: { command: /c3/, says: () => 'xxd: c3: No such file or directory\ncmp: c3: No such file or directory' },
  },
  { recording: '12-restore', call: 10, reason: REASON.WRONG_KIND, exitCode: 2 },
  {
    recording: '12-restore',
    call: 11,
    reason: REASON.TOO_MANY_BLOCKS,
    exitCode: 2,
    files: { command: /c99/, says: () => "ls: cannot access 'c99': No such file or directory" },
  },
  { recording: '12-restore', call: 25, reason: REASON.ZERO_BYTES, exitCode: 0 },
  { recording: '12-restore', call: 33, reason: REASON.READERS_EXCLUDE, exitCode: 100 },
  { recording: '12-restore', call: 42, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '13-scrub', call: 6, reason: REASON.NO_HANG, exitCode: 100 },
  { recording: '13-scrub', call: 7, reason: REASON.NO_HANG, exitCode: 100 },
  { recording: '13-scrub', call: 12, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '13-scrub', call: 13, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '13-scrub', call: 14, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '13-scrub', call: 15, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '13-scrub', call: 16, reason: REASON.PARTIAL_SCRUB, state: { rows: rowsWith({ 0: '0' }, 1) } },
  { recording: '13-scrub', call: 17, reason: REASON.PARTIAL_SCRUB, state: { rows: rowsWith({ 0: '0' }, 1) } },
  { recording: '13-scrub', call: 22, reason: REASON.RESTORE_GOES_ON, exitCode: 20 },
  { recording: '13-scrub', call: 24, reason: REASON.RESTORE_GOES_ON, exitCode: 20 },
  { recording: '13-scrub', call: 25, reason: REASON.BLOCKS_VALID, state: { rows: rowsWith({ 0: 'NULL' }, 2) } },
  ...[26, 37, 39].map((call) => mended('13-scrub', call)),
  ...[37, 39].map((call) => mended('14-scrub-enc1', call)),
  {
    recording: '13-scrub',
    call: 28,
    reason: REASON.SAMPLE_NOT_COUNTED,
    stdout: statsWith({ read: [8192, 2], dedup: [16_484, 5] }),
  },
  { recording: '13-scrub', call: 30, reason: REASON.RESTORE_GOES_ON, exitCode: 20 },
  { recording: '13-scrub', call: 32, reason: REASON.RESTORE_GOES_ON, exitCode: 20 },
  { recording: '13-scrub', call: 36, reason: REASON.RESTORE_GOES_ON, exitCode: 20 },
  { recording: '13-scrub', call: 42, reason: REASON.INCOMPLETE, exitCode: 20 },
  { recording: '14-scrub-enc1', call: 6, reason: REASON.NO_HANG, exitCode: 100 },
  { recording: '14-scrub-enc1', call: 7, reason: REASON.NO_HANG, exitCode: 100 },
  { recording: '14-scrub-enc1', call: 12, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '14-scrub-enc1', call: 13, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '14-scrub-enc1', call: 14, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '14-scrub-enc1', call: 15, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '14-scrub-enc1', call: 16, reason: REASON.PARTIAL_SCRUB, state: { rows: rowsWith({ 0: '0' }, 1) } },
  { recording: '14-scrub-enc1', call: 17, reason: REASON.PARTIAL_SCRUB, state: { rows: rowsWith({ 0: '0' }, 1) } },
  { recording: '14-scrub-enc1', call: 18, reason: REASON.DAMAGED_IS_MARKED, exitCode: 20, state: { rows: blockOneBad } },
  {
    recording: '14-scrub-enc1',
    call: 19,
    reason: REASON.DAMAGED_IS_MARKED,
    stdout: (so) => editTable(so, (rows) => rows.map((row) => ({ ...row, valid: '0' }))),
  },
  { recording: '14-scrub-enc1', call: 20, reason: REASON.DAMAGED_IS_MARKED, exitCode: 20 },
  { recording: '14-scrub-enc1', call: 21, reason: REASON.DAMAGED_IS_MARKED, exitCode: 20 },
  {
    recording: '14-scrub-enc1',
    call: 22,
    reason: REASON.RESTORE_GOES_ON,
    exitCode: 20,
    files: { command: /r1/, says: (so) => so.replace('first at 0', 'first at 4096') },
  },
  { recording: '14-scrub-enc1', call: 24, reason: REASON.RESTORE_GOES_ON, exitCode: 20, state: { rows: blockOneBad } },
  {
    recording: '14-scrub-enc1',
    call: 28,
    reason: REASON.SAMPLE_NOT_COUNTED,
    stdout: statsWith({ read: [8192, 2], dedup: [20_580, 6] }),
  },
  { recording: '14-scrub-enc1', call: 29, reason: REASON.DAMAGED_IS_MARKED, exitCode: 20, state: { rows: blockOneBad } },
  { recording: '14-scrub-enc1', call: 30, reason: REASON.RESTORE_GOES_ON, exitCode: 20, state: { rows: blockOneBad } },
  { recording: '14-scrub-enc1', call: 31, reason: REASON.DAMAGED_IS_MARKED, exitCode: 20, state: { rows: blockOneBad } },
  { recording: '14-scrub-enc1', call: 32, reason: REASON.RESTORE_GOES_ON, exitCode: 20 },
  { recording: '14-scrub-enc1', call: 33, reason: REASON.DAMAGED_IS_MARKED, exitCode: 20, state: { rows: blockOneBad } },
  { recording: '14-scrub-enc1', call: 36, reason: REASON.RESTORE_GOES_ON, exitCode: 20 },
  { recording: '14-scrub-enc1', call: 42, reason: REASON.INCOMPLETE, exitCode: 20 },
  {
    recording: '15-rm-protect',
    call: 13,
    reason: REASON.DEDUP_COUNTED,
    state: { query: /from stats/, rows: ([first = [], second = []]) => [first, replaced(second, { 10: '9000', 11: '3' })] },
  },
  { recording: '15-rm-protect', call: 15, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  {
    recording: '16-cleanup',
    call: 12,
    reason: REASON.STORE_ID,
    files: { command: /^find data -type f$/, says: (so) => `data/backy2-store-id\n${so}` },
  },
  { recording: '16-cleanup', call: 13, reason: REASON.PREFIX, exitCode: 0 },
  { recording: '16-cleanup', call: 19, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '17-export-import', call: 2, reason: REASON.NO_EMPTY_LINE, stdout: (so) => so.replace(/\n\n$/, '\n') },
  { recording: '17-export-import', call: 7, reason: REASON.EMPTY_IS_NULL, state: { query: /from blocks/, rows: emptyAsNull } },
  { recording: '17-export-import', call: 16, reason: REASON.EMPTY_LINE_IS_READ, stdout: (_so, of) => of(8) },
  { recording: '17-export-import', call: 17, reason: REASON.EMPTY_IS_NULL, state: { query: /from blocks/, rows: emptyAsNull } },
  { recording: '17-export-import', call: 19, reason: REASON.EMPTY_IS_NULL, state: { query: /from blocks/, rows: emptyAsNull } },
  { recording: '17-export-import', call: 21, reason: REASON.EMPTY_IS_NULL, state: { query: /from blocks/, rows: emptyAsNull } },
  { recording: '17-export-import', call: 23, reason: REASON.EMPTY_IS_NULL, state: { query: /from blocks/, rows: emptyAsNull } },
  { recording: '17-export-import', call: 27, reason: REASON.EMPTY_IS_NULL, state: { query: /from blocks/, rows: emptyAsNull } },
  { recording: '17-export-import', call: 29, reason: REASON.ONE_TRANSACTION, exitCode: 23 },
  { recording: '17-export-import', call: 31, reason: REASON.ONE_TRANSACTION, exitCode: 23 },
  { recording: '17-export-import', call: 33, reason: REASON.ONE_TRANSACTION, state: { rows: () => [] } },
  {
    recording: '17-export-import',
    call: 34,
    reason: REASON.ONE_TRANSACTION,
    exitCode: 100,
    files: { command: /r_f21y/, says: () => 'no file r_f21y.csv' },
  },
  { recording: '17-export-import', call: 39, reason: REASON.ONE_TRANSACTION, exitCode: 23 },
  { recording: '17-export-import', call: 41, reason: REASON.ONE_TRANSACTION, exitCode: 23, state: { rows: () => [] } },
  {
    recording: '17-export-import',
    call: 42,
    reason: REASON.ONE_TRANSACTION,
    exitCode: 100,
    files: { command: /r_fdup/, says: () => 'no file r_fdup.csv' },
  },
  { recording: '17-export-import', call: 43, reason: REASON.ONE_TRANSACTION, exitCode: 23, state: { rows: () => [] } },
  {
    recording: '17-export-import',
    call: 44,
    reason: REASON.ONE_TRANSACTION,
    exitCode: 100,
    state: { rows: () => [] },
    files: { command: /r_fother/, says: () => 'no file r_fother.csv' },
  },
  { recording: '17-export-import', call: 45, reason: REASON.ONE_TRANSACTION, exitCode: 23, state: { rows: () => [] } },
  {
    recording: '17-export-import',
    call: 46,
    reason: REASON.ONE_TRANSACTION,
    files: { command: /r_fnum/, says: () => 'no file r_fnum.csv' },
  },
  { recording: '17-export-import', call: 47, reason: REASON.NOT_IMPORTABLE, exitCode: 23 },
  { recording: '17-export-import', call: 49, reason: REASON.NOT_IMPORTABLE, exitCode: 23 },
  { recording: '17-export-import', call: 51, reason: REASON.NOT_IMPORTABLE, exitCode: 23 },
  ...[14, 22, 24, 28, 29, 33, 37, 38, 41, 44, 46, 52, 56].map((call) => escaped(call)),
  ...[32, 36].map((call) => escaped(call, LS_COLUMNS)),
  escaped(48, STATS_COLUMNS),
  { recording: '18-ls', call: 42, reason: REASON.UNKNOWN_FIELD, stdout: () => '' },
  ...[44, 45, 46, 47, 48, 49, 50, 52, 55].map((call) => ({
    recording: '18-ls',
    call,
    reason: REASON.DEDUP_COUNTED,
    stdout: countedOnce({ 'pipe|name': 1221 }),
  })),
  { recording: '18-ls', call: 53, reason: REASON.WRONG_KIND, exitCode: 2 },
  {
    recording: '18-ls',
    call: 71,
    reason: REASON.DIFF_LENGTHS,
    exitCode: 0,
    stdout: (so) => so + blockLines('NEW RIGHT', 31, 1221),
  },
  {
    recording: '18-ls',
    call: 72,
    reason: REASON.DIFF_LENGTHS,
    exitCode: 0,
    stdout: (so) => so + blockLines('NEW LEFT ', 31, 1221),
  },
  { recording: '18-ls', call: 73, reason: REASON.DIFF_LENGTHS, exitCode: 0, stdout: (so) => so + blockLines('NEW LEFT ', 1, 31) },
  { recording: '18-ls', call: 73, reason: REASON.LOCKS_REMOVED, files: { command: /^ls locks/, says: () => '' } },
  { recording: '18-ls', call: 74, reason: REASON.UNICODE, exitCode: 0, stdout: (_so, of) => of(14) },
  escaped(74),
  { recording: '21-dedup', call: 4, reason: REASON.DEDUP_COUNTED, stdout: countedOnce({ on: 1, on2: 1, off: 1 }) },
  { recording: '21-dedup', call: 10, reason: REASON.DEDUP_COUNTED, stdout: countedOnce() },
  { recording: '19-due-sla', call: 1, reason: REASON.DEFAULT_SCHEDULERS, stdout: dailyAlone },
  { recording: '19-due-sla', call: 3, reason: REASON.DEFAULT_SCHEDULERS, stdout: (so) => so.replace(/toofew.*\n/, '') },
  { recording: '19-due-sla', call: 9, reason: REASON.DEFAULT_SCHEDULERS, stdout: dailyAlone },
  { recording: '19-due-sla', call: 12, reason: REASON.SCHEDULE_ORDER, stdout: sortedByName },
  { recording: '19-due-sla', call: 39, reason: REASON.DEFAULT_SCHEDULERS, stdout: dailyAlone },
  { recording: '19-due-sla', call: 40, reason: REASON.SCHEDULE_ORDER, stdout: sortedByName },
  { recording: '19-due-sla', call: 41, reason: REASON.DEFAULT_SCHEDULERS, stdout: dailyLines },
  { recording: '19-due-sla', call: 42, reason: REASON.SCHEDULE_ORDER, stdout: sortedByName },
  { recording: '19-due-sla', call: 43, reason: REASON.DEFAULT_SCHEDULERS, stdout: dailyAlone },
  {
    recording: '19-due-sla',
    call: 45,
    reason: REASON.SCHEDULE_ORDER,
    stdout: (_so, of) => breachesAlone(sortedByName(of(40))).replaceAll('22:49:40', '22:49:48'),
  },
  { recording: '19-due-sla', call: 51, reason: REASON.SCHEDULE_ORDER, stdout: asAsked },
  { recording: '19-due-sla', call: 54, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '19-due-sla', call: 55, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '19-due-sla', call: 56, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '19-due-sla', call: 57, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '19-due-sla', call: 58, reason: REASON.ANY_NUMBER, exitCode: 0, stdout: noneDue },
  { recording: '19-due-sla', call: 59, reason: REASON.ANY_NUMBER, exitCode: 0, stdout: (_so, of) => halfADayLater(of(63)) },
  { recording: '19-due-sla', call: 60, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '19-due-sla', call: 61, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '19-due-sla', call: 64, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '19-due-sla', call: 65, reason: REASON.CONFIG_IS_1, exitCode: 1 },
  { recording: '20-encryption', call: 7, reason: REASON.KEY_IS_PROVEN, exitCode: 100, files: NO_TARGET },
  { recording: '20-encryption', call: 13, reason: REASON.KEY_IS_PROVEN, exitCode: 100, files: NO_TARGET },
  { recording: '20-encryption', call: 15, reason: REASON.KEY_OF_THE_ROW, exitCode: 0 },
  {
    recording: '20-encryption',
    call: 16,
    reason: REASON.KEY_OF_THE_ROW,
    exitCode: 0,
    files: { command: /^cmp a r_e0k/, says: () => '' },
  },
  {
    recording: '20-encryption',
    call: 18,
    reason: REASON.CHECKED_FIRST,
    state: { rows: (rows) => rows.map((row, i) => (i === 0 ? row : replaced(row, { 1: '0', 2: 'NULL', 3: 'NULL' }))) },
  },
  { recording: '20-encryption', call: 23, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '20-encryption', call: 24, reason: REASON.WRONG_KIND, exitCode: 2 },
  { recording: '20-encryption', call: 26, reason: REASON.CHECKED_FIRST, state: { rows: mixedTakenOver } },
  { recording: '20-encryption', call: 30, reason: REASON.LOCKS_REMOVED, files: { command: /^ls locks/, says: () => '' } },
  { recording: '20-encryption', call: 31, reason: REASON.MIGRATION_WORKS, exitCode: 0 },
  { recording: '20-encryption', call: 32, reason: REASON.MIGRATION_WORKS, stdout: migrated },
  { recording: '20-encryption', call: 32, reason: REASON.CHECKED_FIRST, state: { rows: mixedTakenOver } },
  { recording: '20-encryption', call: 32, reason: REASON.MIGRATION_WORKS, state: { rows: copyOfPlain } },
  { recording: '20-encryption', call: 33, reason: REASON.MIGRATION_WORKS, exitCode: 0 },
  { recording: '20-encryption', call: 34, reason: REASON.MIGRATION_WORKS, exitCode: 0 },
  { recording: '20-encryption', call: 35, reason: REASON.MIGRATION_WORKS, exitCode: 0 },
  { recording: '20-encryption', call: 36, reason: REASON.MIGRATION_WORKS, stdout: migrated },
  { recording: '20-encryption', call: 37, reason: REASON.MIGRATION_WORKS, exitCode: 0 },
  { recording: '20-encryption', call: 40, reason: REASON.MIGRATION_WORKS, stdout: migrated, state: { rows: migratedRows } },
  {
    recording: '20-encryption',
    call: 41,
    reason: REASON.DEDUP_COUNTED,
    stdout: countedOnce({ plain: 1, enc: 1, enc2: 1, 'enc-from-plain': 1 }),
  },
  {
    recording: '20-encryption',
    call: 41,
    reason: REASON.SAMPLE_NOT_COUNTED,
    stdout: statsWith({ read: [4096, 1], written: [4096, 1], dedup: [77_824, 19] }, 'mixed'),
  },
  { recording: '21-dedup', call: 7, reason: REASON.STORED_ONCE, files: { command: /wc -l/, says: () => '8' } },
  ...[7, 14, 21, 28, 35, 42, 49].map((call) => ({
    recording: '22-logging',
    call,
    reason: REASON.UNKNOWN_VERSION,
    exitCode: 100,
  })),
  { recording: '22-logging', call: 62, reason: REASON.DEDUP_COUNTED, stdout: countedOnce({ sp: 2 }) },
  { recording: '22-logging', call: 68, reason: REASON.STORE_FIRST, stdout: () => layTable(LS_COLUMNS, []) },
  { recording: '23-misc', call: 9, reason: REASON.END_OF_OPTIONS, exitCode: 0, stdout: (_so, of) => of(10) },
  ...OLD_RELEASES.flatMap(afterUpgrade),
];

/**
 * Recording 07 once more, with images that are zero where its hints do not reach. Then each block's
 * result is as recorded.
 */
export const HINTS_OF_SPARSE_IMAGES: Difference[] = [
  { recording: '07-hints', call: 3, reason: REASON.EXISTS_IS_BOOLEAN, exitCode: 100, state: { rows: () => [] } },
  { recording: '07-hints', call: 8, reason: REASON.PARTLY_TOUCHED, state: { rows: rowsWith({ 8: 'data', 9: 'data' }, 1) } },
  { recording: '07-hints', call: 12, reason: REASON.HINTS_ARE_AN_ARRAY, exitCode: 100 },
  { recording: '07-hints', call: 15, reason: REASON.WHOLE_FILE, exitCode: 0 },
  { recording: '07-hints', call: 17, reason: REASON.HINTS_ARE_AN_ARRAY, exitCode: 100 },
  { recording: '07-hints', call: 19, reason: REASON.HINTS_ARE_AN_ARRAY, exitCode: 100 },
  {
    recording: '07-hints',
    call: 22,
    reason: `${REASON.HINTS_ARE_AN_ARRAY}; ${REASON.WHOLE_FILE}; ${REASON.EXISTS_IS_BOOLEAN}`,
    stdout: (so) => editTable(so, (rows) => otherHints(rows, (row) => row.name ?? '', newRow)),
    state: {
      rows: (rows) =>
        otherHints(
          rows,
          (row) => row[1] ?? '',
          ([, , ...rest], uid) => [uid, 'h11', ...rest],
        ),
    },
  },
];

/**
 * The recorder tried two ls, an initdb, a scrub and a restore on each old release. Later it
 * imported the same versions elsewhere.
 */
function afterUpgrade({ release, revision, opened, listed }: OldRelease): Difference[] {
  const recording = '24-old-schemas';
  const reason = REASON.SQLITE_UPGRADED;
  const imported: Difference = {
    recording,
    call: listed,
    reason: REASON.EMPTY_IS_NULL,
    state: { query: /from blocks/, rows: emptyAsNull },
  };
  if (revision === NEWEST_REVISION) return [imported];
  const stdout = (_so: string, of: (call: number) => string) => (release === '2.9.18' ? tagged(of(listed)) : of(listed));
  return [
    ...[opened, opened + 1].map((call) => ({ recording, call, reason, exitCode: 0, stdout })),
    ...[opened + 3, opened + 4].map((call) => ({ recording, call, reason, exitCode: 0 })),
    // In those releases, blocks of zeros had blobs like others.
    ...(['2.9.5', '2.9.9'].includes(release) ? [] : [imported]),
  ];
}

/** Tags are no part of exports. */
function tagged(stdout: string): string {
  return editTable(stdout, (rows) =>
    rows.map((row) => ({ ...row, tags: row.snapshot_name === 'snap' ? 'x,y' : 'b_daily,b_monthly,b_weekly' })),
  );
}

/** Replaces the uid of a version that the recording does not have. */
const PLACEHOLDER = '00000000-0000-0000-0000-000000000000';

/** The output of `ls` when there is no version. */
function emptyLs(): string {
  return layTable(LS_COLUMNS, []);
}

/** A continued version lists all of its tags. */
function allTags(stdout: string): string {
  return stdout.replace('(Tags: [])', '(Tags: [t1,t2,t3])');
}

/** Rows by position, with another value in one column. */
function rowsWith(values: Record<number, string>, column: number) {
  return (rows: string[][]) => rows.map((row, i) => (values[i] === undefined ? row : replaced(row, { [column]: values[i] })));
}

function replaced(row: string[], values: Record<number, string>): string[] {
  return row.map((cell, i) => values[i] ?? cell);
}

/** h2b, h9, h13 and h15 are no valid hints here, while h11 is. */
function otherHints<R>(rows: R[], nameOf: (row: R) => string, asH11: (row: R, uid: string) => R): R[] {
  return rows.flatMap((row) => {
    if (['h2b', 'h9', 'h15'].includes(nameOf(row))) return [];
    return nameOf(row) === 'h13' ? [asH11(row, PLACEHOLDER)] : [row];
  });
}

function newRow(row: Row, uid: string): Row {
  return { ...row, name: 'h11', uid };
}

function identical(says: string): string {
  return says.replace(/DIFFER.*/, 'IDENTICAL');
}

/** Columns sparse and shared of the last row. */
function lastBlockHasData(rows: string[][]): string[][] {
  return rows.map((row, i) => (i === rows.length - 1 ? replaced(row, { 1: '0', 2: '0' }) : row));
}

/** The backups that the original aborted: complete, valid and tagged. */
function asNewBackup(row: Row): Row {
  return row.valid === '0' ? { ...row, valid: '1', tags: 'b_daily,b_monthly,b_weekly' } : row;
}

/** The original's strftime prints year 1 as `1`. */
function fourDigitYears(stdout: string): string {
  return editTable(stdout, (rows) => rows.map((row) => ({ ...row, expire: (row.expire ?? '').replace(/^1-/, '0001-') })));
}

/** Every version holds block 1, whose blob is bad. */
function blockOneBad(rows: string[][]): string[][] {
  return rows.map((row) => replaced(row, { 1: '0', 2: '1' }));
}

/** Blocks of `mixed` outside of its hints come from its base. */
function mixedTakenOver(rows: string[][]): string[][] {
  return rows.map((row) => {
    if (row[0] !== 'mixed' || row[1] === '0') return row;
    const base = rows.find(([name, id]) => name === 'bigplain' && id === row[1]);
    return base === undefined ? row : ['mixed', ...base.slice(1)];
  });
}

/**
 * The last version's blocks, which are those of `enc`. The original stopped after the first one.
 */
function copyOfPlain(rows: string[][]): string[][] {
  const blocks = rows.filter(([name]) => name === 'enc').map((row) => ['plain', ...row.slice(1)]);
  return [...rows.slice(0, -1), ...blocks];
}

/** Copies of an encrypted version, begun without the key that it had by then. */
const WITHOUT_KEY = /^(3291efbe|336a8414)/;

/**
 * The copies that the original aborted: complete and tagged. Those begun without the right key do
 * not exist.
 */
function migrated(stdout: string): string {
  return editTable(stdout, (rows) =>
    rows
      .filter(({ uid = '' }) => !WITHOUT_KEY.test(uid))
      .map((row) => {
        const to = row.uid?.startsWith('312f7826') ? 'to-0' : 'to-1';
        return row.valid === '0' ? { ...row, valid: '1', tags: `b_daily,b_monthly,b_weekly,migrated-encryption-${to}` } : row;
      }),
  );
}

/** The same in the database: name, uid, valid, number of blocks, size. */
function migratedRows(rows: string[][]): string[][] {
  return rows.filter(([, uid = '']) => !WITHOUT_KEY.test(uid)).map((row) => replaced(row, { 2: '1', 3: row[4] ?? '' }));
}

/**
 * Columns that the original fills with '' from an empty field; the queries show them plain, quoted
 * or by their length.
 */
function emptyAsNull(rows: string[][], columns: string[]): string[][] {
  const isEmpty = (cell: string, column = '') => cell === '' || cell === "''" || (column.startsWith('len_') && cell === '0');
  return rows.map((row) => row.map((cell, i) => (isEmpty(cell, columns[i]) ? 'NULL' : cell)));
}

/** A table of recording 18, with control characters in names escaped. */
function escaped(call: number, columns?: string[]): Difference {
  const shown: Record<string, string> = { '\n': '\\n', '\t': '\\t', '\u001b': '\\x1b' };
  const show = (row: Row) => ({ ...row, name: (row.name ?? '').replace(/[\n\t\u001b]/g, (char) => shown[char] ?? '') });
  return { recording: '18-ls', call, reason: REASON.ESCAPED, stdout: (so) => editTable(so, (rows) => rows.map(show), columns) };
}

function blockLines(change: string, first: number, past: number): string {
  return Array.from({ length: past - first }, (_, i) => `${change} ${first + i}\n`).join('');
}

function byUid(rows: Row[]): Row[] {
  return [...rows].sort((a, b) => ((a.uid ?? '') < (b.uid ?? '') ? -1 : 1));
}

/**
 * `stats` with other counts of one backup, or only of backups with a name. Each count is bytes and
 * blocks.
 */
function statsWith(counts: Record<string, [bytes: number, blocks: number]>, name?: string) {
  const cells = Object.entries(counts).flatMap(([what, [bytes, blocks]]) => [
    [`bytes ${what}`, `${bytes}`],
    [`blocks ${what}`, `${blocks}`],
  ]);
  const edited = (row: Row) => (name === undefined || row.name === name ? { ...row, ...Object.fromEntries(cells) } : row);
  return (stdout: string) => editStats(stdout, edited);
}

/** One backup read and wrote all 3000 blocks in several runs; the version keeps its first name. */
function wholeBackup(stdout: string): string {
  const all = { 'bytes read': '12288000', 'blocks read': '3000', 'bytes written': '12288000', 'blocks written': '3000' };
  return layTable(
    STATS_COLUMNS,
    tableRows(stdout).map((row) => ({ ...row, ...all, name: 'vm' })),
  );
}
