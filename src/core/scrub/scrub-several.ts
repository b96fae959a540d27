import { BackyError } from '../../errors.ts';
import type { TaggedVersion, VersionFilter } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { refuseMissingBlobs } from '../store/damage-guard.ts';
import { checkWhole } from '../upkeep/check-metadata.ts';
import { Findings } from '../upkeep/findings.ts';
import { holding, lockForOperation } from '../versions/locks.ts';
import { type ScrubRequest, type ScrubResult, scrub } from './scrub.ts';

/** Versions to scrub. An empty filter means all. */
export interface SeveralRequest extends Pick<ScrubRequest, 'percent' | 'acceptDamage' | 'onVersion'> {
  filter: VersionFilter;
}

/** The outcome for each version, in the order of `ls`. */
export interface SeveralResult {
  results: ScrubResult[];
  /** Versions that could not be scrubbed: they are being made or removed. */
  skipped: TaggedVersion[];
  /** Versions with mass damage, in a store that is the right one. */
  damaged: DamagedVersion[];
  /** Findings in the database; 0 if not all versions were scrubbed: then it was not checked. */
  findings: number;
}

/** A version that was not scrubbed: too many of its blobs are missing. */
interface DamagedVersion {
  version: TaggedVersion;
  /** BackyError `massDamage`. */
  error: BackyError;
}

/**
 * Scrubs one version after the other. Versions that are locked or removed meanwhile are skipped
 * with a warning, those with mass damage with an error. If it scrubs all versions, it checks the
 * database too, as check-metadata does.
 * @throws BackyError `wrongStore` if the data backend is another store, `massDamage` if all blobs
 * are missing: one error for each version would say no more.
 */
export async function scrubSeveral(context: Context, { filter, ...request }: SeveralRequest): Promise<SeveralResult> {
  const versions = await context.meta.listVersions(filter);
  if (versions.length === 0 && (filter.name !== undefined || filter.tag !== undefined))
    throw new BackyError('notFound', 'No version has that name or tag.', { hint: 'List the versions with: backy2 ls' });
  const isAll = Object.values(filter).every((value) => value === undefined);
  const findings = isAll ? new Findings(context.logger) : undefined;
  if (findings !== undefined) await holding([() => lockForOperation(context.locks)], () => checkWhole(context, findings));
  const results: ScrubResult[] = [];
  const skipped: TaggedVersion[] = [];
  const damaged: DamagedVersion[] = [];
  for (const version of versions) {
    context.signal.throwIfAborted();
    try {
      results.push(await scrub(context, { ...request, uid: version.uid, findings }));
    } catch (error) {
      if (error instanceof BackyError && error.code === 'massDamage') {
        if (damaged.length === 0) await refuseMissingBlobs(context, request);
        context.logger.error(`Version ${version.uid} (${version.name}) was not scrubbed: ${error.message}`);
        damaged.push({ version, error });
        continue;
      }
      if (!(error instanceof BackyError && (error.code === 'locked' || error.code === 'notFound'))) throw error;
      // Without a version, the whole installation is locked: no other version would do better.
      if (error.data.uid !== version.uid) throw error;
      context.logger.warning(`Version ${version.uid} (${version.name}) was skipped: ${error.message}`);
      skipped.push(version);
    }
  }
  return { results, skipped, damaged, findings: findings?.count ?? 0 };
}
