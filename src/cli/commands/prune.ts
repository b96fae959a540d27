import type { KeepReason, RemoveReason } from '../../core/versions/removal-rule.ts';
import type { KeptVersion, UnwantedRemoval, UnwantedResult } from '../../core/versions/remove-unwanted.ts';
import type { Command } from '../command.ts';
import { flag } from '../options/option-values.ts';
import { toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

/** A row of `-n`: a version that would go, or that stays for a reason. */
type PlannedRow = Pick<KeptVersion, 'uid' | 'name' | 'date' | 'why'> & { stays: KeepReason | null };

const COLUMNS: Column<PlannedRow>[] = [
  { name: 'date', kind: 'date', align: 'center', value: ({ date }) => date },
  { name: 'name', kind: 'text', align: 'left', value: ({ name }) => name },
  { name: 'uid', kind: 'text', align: 'center', value: ({ uid }) => uid },
  { name: 'why', kind: 'text', align: 'left', value: ({ why }) => why },
  { name: 'stays', kind: 'text', align: 'left', value: ({ stays }) => stays },
];

export const pruneCommand: Command = {
  name: 'prune',
  description: 'Remove versions that have expired or that no scheduler keeps.',
  changesVersions: true,
  args: [['[name]', 'only versions of this name']],
  options: [
    ['-n, --dry-run', 'remove nothing: list what would go, what would stay, and why'],
    ['-f, --force', 'remove also young versions, and those beyond keep that expire later'],
  ],
  examples: [
    ['backy2 prune -n', 'Shows which versions are not wanted any more, and which of them stay.'],
    ['backy2 -m prune', 'Removes them; prints only errors, for cron.'],
  ],
  prepare({ args: [name], options }) {
    const [force, dryRun] = [flag(options.force), flag(options.dryRun)];
    return async ({ backy, note }) => {
      const removed: UnwantedRemoval[] = [];
      note({ removed });
      const result = await backy.prune({ name, force, dryRun, onRemoved: (one) => removed.push(one) });
      const table = dryRun ? { table: toTable(plannedRows(result), COLUMNS) } : {};
      return { result: { ...result }, ...table, message: summary(result) };
    };
  },
};

function plannedRows({ removed, kept }: UnwantedResult): PlannedRow[] {
  const rows: PlannedRow[] = [
    ...removed.map((one) => ({ ...one, stays: null })),
    ...kept.map((one) => ({ ...one, stays: one.reason })),
  ];
  return rows.sort((a, b) => compare(a.name, b.name) || timeOf(a) - timeOf(b) || compare(a.uid, b.uid));
}

function timeOf({ date }: PlannedRow): number {
  return date?.getTime() ?? Number.MIN_SAFE_INTEGER;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

const WHY: Record<RemoveReason, string> = { expired: 'expired', beyond_keep: 'beyond keep' };

/** Reasons to keep versions, in the order in which a summary has them. */
const REASONS: Record<KeepReason, string> = {
  ...{ newest_valid: 'newest valid of their name', protected: 'protected', base: 'base of the next differential backup' },
  ...{ unfinished: 'not valid and not expired', not_expired: 'not expired yet', too_young: 'too young', in_use: 'in use' },
};

function summary({ dryRun, removed, kept }: UnwantedResult): string {
  const whys = counts(WHY, (why) => removed.filter((one) => one.why === why).length);
  const versions = removed.length === 1 ? '1 version' : `${removed.length} versions`;
  return `${dryRun ? 'Would remove' : 'Removed'} ${versions}${whys === '' ? '' : ` (${whys})`}.${keptSummary(kept)}`;
}

/** Says how many unwanted versions stay, and why. Empty: none does. */
export function keptSummary(kept: readonly { reason: KeepReason }[]): string {
  const reasons = counts(REASONS, (reason) => kept.filter((one) => one.reason === reason).length);
  return kept.length === 0 ? '' : ` Kept ${kept.length}: ${reasons}.`;
}

function counts<K extends string>(words: Record<K, string>, countOf: (key: K) => number): string {
  const keys = Object.keys(words) as K[];
  return keys.flatMap((key) => (countOf(key) > 0 ? `${countOf(key)} ${words[key]}` : [])).join(', ');
}
