import { COVERAGE_DAYS, type CoverageRow } from '../../core/reports/coverage.ts';
import type { ScrubResult } from '../../core/scrub/scrub.ts';
import { BackyError, EXIT_CODES } from '../../errors.ts';
import type { Action, Command, Invocation, Session } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { checkSource } from '../options/check-url.ts';
import { FROM_STORE, refuseWithFromStore } from '../options/from-store.ts';
import { filledText, flag, text } from '../options/option-values.ts';
import { parseDays, parseDuration, parsePercent } from '../options/parse-values.ts';
import { toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COVERAGE: Column<CoverageRow>[] = [
  { name: 'days', kind: 'number', align: 'right', value: ({ days }) => days },
  { name: 'blobs', kind: 'number', align: 'right', value: ({ blobs }) => blobs },
  { name: 'verified', kind: 'number', align: 'right', value: ({ verified }) => verified },
  { name: 'percent', kind: 'number', align: 'right', value: ({ percent }) => percent },
  { name: 'never', kind: 'number', align: 'right', value: ({ never }) => never },
  { name: 'bad', kind: 'number', align: 'right', value: ({ bad }) => bad },
  { name: 'oldest', kind: 'date', align: 'center', value: ({ oldest }) => oldest },
  { name: 'oldest_uid', kind: 'text', align: 'center', value: ({ oldestUid }) => oldestUid },
];

const SEVERAL: Column<ScrubResult>[] = [
  { name: 'uid', kind: 'text', align: 'center', value: ({ uid }) => uid },
  { name: 'name', kind: 'text', align: 'left', value: ({ name }) => name },
  { name: 'snapshot_name', kind: 'text', align: 'left', value: ({ snapshotName }) => snapshotName },
  { name: 'blocks_checked', kind: 'number', align: 'right', value: ({ blocksChecked }) => blocksChecked },
  { name: 'bad', kind: 'number', align: 'right', value: ({ errors }) => errors.length },
  { name: 'complete', kind: 'flag', align: 'center', value: ({ complete }) => complete },
  { name: 'valid', kind: 'flag', align: 'center', value: ({ valid }) => valid },
];

/** The subjects of a scrub; it takes one of them. */
const SUBJECTS = 'Name a version uid, or use --all, --name, --tag, --oldest, --budget or --coverage.';

/** Options about times of verification, which the catalogue does not have. */
const NEED_DATABASE = [
  ['oldest', '--oldest'],
  ['budget', '--budget'],
  ['coverage', '--coverage'],
] as const;

export const scrubCommand: Command = {
  name: 'scrub',
  description: 'Verify blocks, and mark bad ones.',
  changesVersions: true,
  args: [['[version_uid]', 'version to scrub']],
  options: [
    ['-s, --source <source>', 'compare the version with this source too'],
    ['-p, --percentile <percent>', 'check a random PERCENT of the blocks [100]'],
    ['-a, --all', 'scrub all versions'],
    ['-n, --name <name>', 'scrub all versions of this name'],
    ['-t, --tag <tag>', 'scrub all versions with this tag'],
    ['--oldest <percent>', 'check the PERCENT of blobs verified longest ago'],
    ['--budget <time>', 'same, for at most this TIME, e.g. 90s, 30m or 2h'],
    ['--coverage', 'print verification coverage and exit'],
    ['--days <days>', `with --coverage: periods in days [${COVERAGE_DAYS.join(',')}]`],
    FROM_STORE,
    ACCEPT_DAMAGE,
  ],
  examples: [
    ['backy2 scrub UID', 'Checks every block.'],
    ['backy2 scrub -p 5 UID', 'Checks 5% of the blocks, for a nightly check.'],
    ['backy2 scrub --oldest 4', 'Every night: verifies all blobs once in 25 nights.'],
    ['backy2 scrub --coverage', 'Prints the share of blobs verified in 1, 7, 30 and 90 days.'],
  ],
  fromStore({ args: [uid], options }) {
    if (!flag(options.fromStore)) return undefined;
    if (uid !== undefined) return { kind: 'uid', uid };
    return { kind: 'filter', filter: { name: filledText(options.name), tag: filledText(options.tag) } };
  },
  checkUsage({ args: [uid], options }) {
    refuseWithFromStore('scrub', { options }, NEED_DATABASE);
    const { source, percentile, all, days } = options;
    const selection = selectionIn(options);
    const subjects = [uid === undefined ? undefined : 'a version uid', selection.join(' and ') || undefined, blobsIn(options)];
    const [first, ...more] = [...subjects, flag(options.coverage) ? '--coverage' : undefined].filter(
      (subject) => subject !== undefined,
    );
    if (first === undefined) throw usage('scrub needs <version_uid>.', SUBJECTS);
    if (more.length > 0) throw usage(`scrub takes only one of ${[first, ...more].join(', ')}.`, SUBJECTS);
    if (flag(all) && selection.length > 1)
      throw usage(`--all already includes every version: leave it out, or ${selection.slice(1).join(' and ')}.`);
    if (source !== undefined && uid === undefined)
      throw usage(`-s cannot be combined with ${first}: it compares one version with its source.`);
    if (percentile !== undefined && uid === undefined && selection.length === 0)
      throw usage(`-p cannot be combined with ${first}: it picks blocks of a version.`);
    if (days !== undefined && !flag(options.coverage)) throw usage('--days needs --coverage.');
  },
  prepare({ args: [uid], options }) {
    if (flag(options.coverage)) return prepareCoverage(options);
    if (blobsIn(options) !== undefined) return prepareOldest(options);
    return uid === undefined ? prepareSeveral(options) : prepareOne(uid, options);
  },
};

function selectionIn({ all, name, tag }: Invocation['options']): string[] {
  return [...(flag(all) ? ['--all'] : []), ...(name === undefined ? [] : ['--name']), ...(tag === undefined ? [] : ['--tag'])];
}

/** The option that asks for blobs rather than versions. */
function blobsIn({ oldest, budget }: Invocation['options']): '--oldest' | '--budget' | undefined {
  if (oldest !== undefined) return '--oldest';
  return budget === undefined ? undefined : '--budget';
}

function usage(message: string, hint?: string): BackyError {
  return new BackyError('usage', message, hint === undefined ? {} : { hint });
}

async function prepareOne(uid: string, options: Invocation['options']): Promise<Action> {
  const request = {
    uid,
    acceptDamage: flag(options.acceptDamage),
    source: text(options.source),
    percent: percentOf(options),
  };
  if (request.source !== undefined) await checkSource(request.source);
  return async ({ backy, watch }) => {
    const result = await backy.scrub({ ...request, onVersion: watching(watch) });
    return { result: { ...result }, exitCode: exitCodeOf(result) };
  };
}

/** Returns a result for each scrubbed version, and the worst exit code. Mass damage is worst. */
function prepareSeveral(options: Invocation['options']): Action {
  const request = {
    acceptDamage: flag(options.acceptDamage),
    filter: { name: filledText(options.name), tag: filledText(options.tag) },
    percent: percentOf(options),
  };
  return async ({ backy, watch, fail }) => {
    const { results, damaged, findings } = await backy.scrubSeveral({ ...request, onVersion: watching(watch) });
    const [first] = damaged;
    if (first !== undefined) {
      const { hint } = first.error;
      fail(
        `Versions not scrubbed because too many of their blobs are missing: ${damaged.length}.${hint === undefined ? '' : ` ${hint}`}`,
      );
    }
    return {
      table: toTable(results, SEVERAL),
      items: each(results.map((result) => ({ ...result }))),
      exitCode: first?.error.exitCode ?? Math.max(findings > 0 ? EXIT_CODES.blocksBad : 0, ...results.map(exitCodeOf)),
    };
  };
}

function prepareOldest(options: Invocation['options']): Action {
  const budget = text(options.budget);
  const request = {
    acceptDamage: flag(options.acceptDamage),
    percent: parsePercent(text(options.oldest) ?? '100', '--oldest'),
    budgetSeconds: budget === undefined ? undefined : parseDuration(budget, '--budget'),
  };
  return async ({ backy, watch }) => {
    watch('scrub', 'the blobs verified longest ago');
    const result = await backy.scrubOldest(request);
    return {
      message: `Checked ${result.blobsChecked} of ${result.blobs} blobs, ${result.errors.length} are bad.`,
      result: { ...result },
      exitCode: result.errors.length > 0 ? EXIT_CODES.blocksBad : 0,
    };
  };
}

function prepareCoverage(options: Invocation['options']): Action {
  const days = text(options.days);
  const periods = days === undefined ? COVERAGE_DAYS : parseDays(days, '--days');
  return async ({ backy }) => ({ table: toTable(await backy.coverage(periods), COVERAGE) });
}

function percentOf({ percentile }: Invocation['options']): number {
  return parsePercent(text(percentile) ?? '100', '-p');
}

function watching(watch: Session['watch']): (version: { name: string; uid: string }) => void {
  return ({ name, uid }) => watch('scrub', `${name} (${uid})`);
}

function exitCodeOf({ complete, errors }: ScrubResult): number {
  return complete && errors.length === 0 ? 0 : EXIT_CODES.blocksBad;
}

async function* each<T>(values: readonly T[]): AsyncIterable<T> {
  yield* values;
}
