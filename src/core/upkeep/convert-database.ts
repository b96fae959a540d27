import { BackyError } from '../../errors.ts';
import type { Conversion } from '../../meta/conversion.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Layout } from '../../model/layout.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { withResumeHint } from '../blocks/resume-hint.ts';
import type { Context } from '../context.ts';
import { progressLog } from '../progress-log.ts';
import { holdingInstallation, refuseOtherInstances } from '../versions/locks.ts';
import { blocksOf, checkProgress } from './check-progress.ts';
import { planConversion } from './conversion-plan.ts';
import type { ConversionRequest, ConversionResult } from './conversion-result.ts';
import { copyVersion, type RowCounter } from './copy-version.ts';
import { Findings } from './findings.ts';
import { VersionCheck } from './version-check.ts';

/** Findings that a copy keeps as they are. Others would be lost in the new layout, or end it. */
const KEPT_PROBLEMS = new Set(['missing', 'invalid', 'size', 'uid']);

/**
 * Converts the database to another layout, version by version, and compares every row. The old
 * database serves until the new one is whole. A conversion that was stopped continues with the next
 * call. Needs the whole installation.
 */
export async function convertDatabase(context: Context, request: ConversionRequest): Promise<ConversionResult> {
  const from = await context.meta.layout();
  if (from === request.to) throw new BackyError('refused', `The database has the layout ${from} already. Nothing was changed.`);
  if (request.dryRun) return planConversion(context, { from, to: request.to });
  return holdingInstallation(context.locks, () => {
    refuseOtherInstances(context.otherInstances());
    return convert(context, from, request.to);
  });
}

async function convert(context: Context, from: Layout, to: Layout): Promise<ConversionResult> {
  const { meta, logger } = context;
  const startMs = performance.now();
  const versions = (await meta.listVersions({})).sort(byNameAndDate);
  await refuseUnfinishedCleanup(context);
  await refuseDamage(context, versions);
  const { bytes: bytesBefore } = await meta.databaseSize();
  const conversion = await meta.convertTo(to);
  const { copied, bytesAfter } = await copyOrClose(context, conversion, versions);
  const oldDatabase = await conversion.replace();
  logger.info(
    `Converted the database to the layout ${to}.${oldDatabase === undefined ? '' : ` The old one is kept in ${oldDatabase}.`}`,
  );
  return {
    ...{ from, to, dryRun: false, versions: versions.length, ...copied, bytesBefore, bytesAfter },
    oldDatabase: oldDatabase ?? null,
    seconds: (performance.now() - startMs) / 1000,
  };
}

/** Makes the new database whole. After a failure, the error says how to go on. */
async function copyOrClose(
  context: Context,
  conversion: Conversion<MetaStore>,
  versions: readonly TaggedVersion[],
): Promise<{ copied: CopiedVersions; bytesAfter: number }> {
  const goOn = `The old database is as before. To continue, run the command again; to give up, ${conversion.giveUp}.`;
  return withResumeHint(
    context.signal,
    () => goOn,
    async () => {
      try {
        const copied = await copyVersions(context, conversion, versions);
        await conversion.copyRest();
        await refuseChanges(context, versions);
        return { copied, bytesAfter: (await conversion.target.databaseSize()).bytes };
      } catch (error) {
        await conversion.close().catch(() => {});
        throw error;
      }
    },
  );
}

/** Neighbours share most blocks. */
function byNameAndDate(a: TaggedVersion, b: TaggedVersion): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.date.getTime() - b.date.getTime();
}

/** Doomed blobs must be gone: the layouts keep them differently. */
async function refuseUnfinishedCleanup({ meta }: Context): Promise<void> {
  if ((await meta.leftDoomed(1)).length === 0) return;
  throw new BackyError('refused', 'A cleanup was interrupted: blobs are doomed, but not deleted. Nothing was changed.', {
    hint: 'Run first: backy2 cleanup',
  });
}

async function refuseDamage(context: Context, versions: readonly TaggedVersion[]): Promise<void> {
  const findings = new Findings(context.logger);
  const onRows = checkProgress(context, versions);
  for (const version of versions) await new VersionCheck(context, version, { findings, onRows }).run();
  findings.log();
  const bad = findings.all.filter(({ problem }) => !KEPT_PROBLEMS.has(problem));
  const count = bad.length + findings.more;
  if (count === 0) return;
  throw new BackyError('refused', `The database is damaged (findings: ${count}). Nothing was changed.`, {
    hint: 'See: backy2 check-metadata. Remove the versions that it names, or restore the database from a copy.',
  });
}

/**
 * Programs that do not know our locks, the original on another host for one, may have worked on the
 * database meanwhile: their rows would be lost, or a version whose rows are missing would be valid.
 */
async function refuseChanges({ meta }: Context, before: readonly TaggedVersion[]): Promise<void> {
  const stateOf = ({ uid, valid }: TaggedVersion) => `${uid} ${valid}`;
  const now = await meta.listVersions({});
  const [old, found] = [new Set(before.map(stateOf)), new Set(now.map(stateOf))];
  const changed = [...before, ...now].find((version) => !old.has(stateOf(version)) || !found.has(stateOf(version)));
  if (changed === undefined) return;
  throw new BackyError('failed', `Another program has changed version ${changed.uid} meanwhile. Nothing was changed.`, {
    data: { uid: changed.uid },
    hint: 'End all other programs on this database, on other hosts too. Then run the command again: it continues.',
  });
}

interface CopiedVersions {
  blocks: number;
  versionsKept: number;
}

async function copyVersions(
  context: Context,
  { target }: Conversion<MetaStore>,
  versions: readonly TaggedVersion[],
): Promise<CopiedVersions> {
  const { meta } = context;
  const wanted = new Set(versions.map(({ uid }) => uid));
  for (const { uid } of await target.listVersions({})) if (!wanted.has(uid)) await target.removeVersion(uid, () => {});
  const counter = rowCounter(context, versions);
  let versionsKept = 0;
  for (const version of versions) if (await copyVersion(meta, target, version, counter)) versionsKept++;
  return { blocks: counter.rows, versionsKept };
}

/** Counts rows, logs the progress, and throws once the user has stopped it. */
function rowCounter(context: Context, versions: readonly TaggedVersion[]): RowCounter {
  const total = blocksOf(versions);
  const tell = progressLog(context, (done, all, percent) => `Converting: ${done} of ${all} blocks (${percent}%).`);
  return {
    rows: 0,
    add(rows) {
      this.rows += rows;
      tell(this.rows, total);
    },
  };
}
