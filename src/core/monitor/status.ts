import { groupBy } from '../../model/group-by.ts';
import type { RunRecord, SpaceRecord } from '../../model/run-record.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { imagesOf } from '../reports/images.ts';
import type { Image } from '../reports/schedulers.ts';
import { installationProblems } from './installation-problems.ts';
import { judgeName } from './judge-name.ts';
import { LastAttempts } from './last-attempts.ts';
import type { NameStatus } from './name-status.ts';
import { Scheduling } from './scheduling.ts';
import { compareStates, type Problem, type State, worstOf } from './state.ts';

/** How all backups are. */
export interface StatusReport {
  at: Date;
  /** The worst of all. */
  state: State;
  /** Worst first, then by name. */
  names: readonly NameStatus[];
  /** Problems of the installation rather than of one name, worst first. */
  problems: readonly Problem[];
  records: readonly RunRecord[];
  /** Oldest first. */
  space: readonly SpaceRecord[];
}

/**
 * Judges the backups of all names, or of one (docs/spec/semantics.md §19). Changes nothing, and
 * takes no lock: monitoring must work while a cleanup has the installation. Costs what a list of
 * all versions costs, and a look at the bad blocks of damaged versions.
 * @param name only this name, even if it has no version; no problems of the installation then.
 */
export async function statusOf(context: Context, name?: string): Promise<StatusReport> {
  const { meta, settings } = context;
  const at = context.now();
  const versions = await meta.listVersions({ name });
  const [records, space] = [await meta.runRecords(), await meta.spaceHistory()];
  const scheduling = new Scheduling(settings, records);
  const images = await imagesIn(context, { name, versions, at });
  const attempts = new LastAttempts(context, records);
  const byName = groupBy(versions, (version) => version.name);
  const names: NameStatus[] = [];
  for (const one of name === undefined ? sortedNames([...images.keys(), ...scheduling.names]) : [name]) {
    const own = byName.get(one) ?? [];
    const scheduled = scheduling.of(one, own);
    // All versions are gone, and nothing wants any.
    if (own.length === 0 && scheduled.jobs.length + scheduled.schedulers.length === 0 && name === undefined) continue;
    const facts = { name: one, versions: own, since: images.get(one)?.since, at, ...scheduled };
    names.push(judgeName({ ...facts, ...(await attempts.of(one, own)) }));
  }
  names.sort((a, b) => compareStates(a.state, b.state));
  const problems = name === undefined ? installationProblems({ settings, records, space }) : [];
  return { at, state: worstOf([...names, ...problems].map((one) => one.state)), names, problems, records, space };
}

/** The names that have versions, or should have them, as `sla` sees them. */
async function imagesIn(
  { meta, settings }: Context,
  { name, versions, at }: { name: string | undefined; versions: readonly TaggedVersion[]; at: Date },
): Promise<Map<string, Image>> {
  const images = imagesOf(versions, {
    ...{ name, now: at, schedulers: settings.schedulers, newByAge: settings.slaNewNamesByAge },
    seen: await meta.seenNames(),
  });
  return new Map(images.map((image) => [image.name, image]));
}

/** Each name once, sorted by its bytes, as the store does. */
function sortedNames(names: readonly string[]): string[] {
  return [...new Set(names)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
