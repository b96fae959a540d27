import type { CoverageRow } from '../../core/reports/coverage.ts';
import type { ScrubResult } from '../../core/scrub/scrub.ts';
import { BackyError } from '../../errors.ts';
import type { Command, Invocation, Outcome } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { filledText, flag, text } from '../options/option-values.ts';
import { parseDays, parseDuration, parsePercent } from '../options/parse-values.ts';
import { toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';
import { BLOCKS_BAD } from './restore.ts';

const DAYS = [1, 7, 30, 90];

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

/** What can be scrubbed; one of them at a time. */
const WAYS = 'Give a version uid, --all, --name or --tag, or else --oldest, --budget or --coverage.';

export const scrubCommand: Command = {
  name: 'scrub',
  description: 'Check blocks, and mark what is bad.',
  args: [['[version_uid]', 'the version to check']],
  options: [
    ['-s, --source <source>', 'compare the version with this source as well'],
    ['-p, --percentile <percent>', 'check only so many percent of the blocks, chosen at random'],
    ['-a, --all', 'check all versions'],
    ['-n, --name <name>', 'check all versions of this name'],
    ['-t, --tag <tag>', 'check all versions that have this tag'],
    ['--oldest <percent>', 'of all that is stored, check so many percent: what was verified longest ago'],
    ['--budget <time>', 'the same for so long, e.g. 90s, 30m or 2h; with --oldest, whichever ends first'],
    ['--coverage', 'tell how much was verified of late, and check nothing'],
    ['--days <days>', `with --coverage: in how many days, comma separated (${DAYS.join(',')})`],
    ACCEPT_DAMAGE,
  ],
  examples: [
    ['backy2 scrub UID', 'Checks every block.'],
    ['backy2 scrub -p 5 UID', 'Checks a twentieth, for a check every night.'],
    ['backy2 scrub --oldest 4', 'Every night: has verified all that is stored after 25 of them.'],
    ['backy2 scrub --coverage', 'Tells how much was verified within a day, a week, a month and more.'],
  ],
  check(args, options) {
    const { source, percentile, all, name, tag, oldest, budget, coverage, days } = options;
    const several = [
      flag(all) ? '--all' : undefined,
      name === undefined ? undefined : '--name',
      tag === undefined ? undefined : '--tag',
    ];
    const selection = several.filter((option) => option !== undefined);
    const ways = [
      args[0] === undefined ? undefined : 'a version uid',
      selection.length === 0 ? undefined : selection.join(' and '),
      oldest === undefined && budget === undefined ? undefined : oldest === undefined ? '--budget' : '--oldest',
      flag(coverage) ? '--coverage' : undefined,
    ].filter((way) => way !== undefined);
    if (ways.length === 0) throw new BackyError('usage', 'scrub needs <version_uid>.', { hint: WAYS });
    if (ways.length > 1) throw new BackyError('usage', `scrub takes only one of ${ways.join(', ')}.`, { hint: WAYS });
    if (flag(all) && selection.length > 1)
      throw new BackyError('usage', `--all means every version: leave it out, or ${selection.slice(1).join(' and ')}.`);
    if (source !== undefined && args[0] === undefined)
      throw new BackyError('usage', `-s compares one version with its source; it does not go with ${ways[0]}.`);
    if (percentile !== undefined && args[0] === undefined && selection.length === 0)
      throw new BackyError('usage', `-p takes blocks of a version at random; it does not go with ${ways[0]}.`);
    if (days !== undefined && !flag(coverage)) throw new BackyError('usage', '--days goes with --coverage.');
  },
  async run(invocation) {
    const { coverage, oldest, budget } = invocation.options;
    if (flag(coverage)) return showCoverage(invocation);
    if (oldest !== undefined || budget !== undefined) return scrubOldest(invocation);
    return invocation.args[0] === undefined ? scrubSeveral(invocation) : scrubOne(invocation);
  },
};

async function scrubOne({ args: [uid = ''], options, backy, watch }: Invocation): Promise<Outcome> {
  const result = await backy.scrub({
    uid,
    acceptDamage: flag(options.acceptDamage),
    source: text(options.source),
    percent: parsePercent(text(options.percentile) ?? '100', '-p'),
    onVersion: (version) => watch('scrub', `${version.name} (${version.uid})`),
  });
  return { result: { ...result }, exitCode: exitCodeOf(result) };
}

/**
 * One result per version that was scrubbed, and the worst exit code. Mass damage is worse than
 * single bad blocks.
 */
async function scrubSeveral({ options, backy, watch, fail }: Invocation): Promise<Outcome> {
  const { results, damaged } = await backy.scrubSeveral({
    acceptDamage: flag(options.acceptDamage),
    filter: { name: filledText(options.name), tag: filledText(options.tag) },
    percent: parsePercent(text(options.percentile) ?? '100', '-p'),
    onVersion: (version) => watch('scrub', `${version.name} (${version.uid})`),
  });
  const [first] = damaged;
  if (first !== undefined) {
    const { hint } = first.error;
    fail(
      `Versions that were not scrubbed, since too many of their blobs are missing: ${damaged.length}.${hint === undefined ? '' : ` ${hint}`}`,
    );
  }
  return {
    table: toTable(results, SEVERAL),
    items: each(results.map((result) => ({ ...result }))),
    exitCode: first?.error.exitCode ?? Math.max(0, ...results.map(exitCodeOf)),
  };
}

async function scrubOldest({ options, backy, watch }: Invocation): Promise<Outcome> {
  const budget = text(options.budget);
  const request = {
    acceptDamage: flag(options.acceptDamage),
    percent: parsePercent(text(options.oldest) ?? '100', '--oldest'),
    budgetSeconds: budget === undefined ? undefined : parseDuration(budget, '--budget'),
  };
  watch('scrub', 'the blobs verified longest ago');
  const result = await backy.scrubOldest(request);
  return {
    message: `Checked ${result.blobsChecked} of ${result.blobs} blobs, ${result.errors.length} are bad.`,
    result: { ...result },
    exitCode: result.errors.length > 0 ? BLOCKS_BAD : 0,
  };
}

async function showCoverage({ options, backy }: Invocation): Promise<Outcome> {
  const days = text(options.days);
  const rows = await backy.coverage(days === undefined ? DAYS : parseDays(days, '--days'));
  return { table: toTable(rows, COVERAGE) };
}

function exitCodeOf({ complete, errors }: ScrubResult): number {
  return complete && errors.length === 0 ? 0 : BLOCKS_BAD;
}

async function* each<T>(values: readonly T[]): AsyncIterable<T> {
  yield* values;
}
