import type { SpaceRecord, Verification } from '../../model/run-record.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { COVERAGE_DAYS, reportCoverage } from '../reports/coverage.ts';
import { checkInstallationFree } from '../versions/locks.ts';

/**
 * Adds up the space of all versions, and how many of their blobs were verified. Leaves out versions
 * that are being created or removed. Reads all block rows twice: see ReportStore.diskUsage and
 * VerificationStore.coverage. Throws `locked` while a command has the installation.
 */
export async function measureSpace(context: Context): Promise<SpaceRecord> {
  const { meta, locks, settings, signal, now } = context;
  await checkInstallationFree(locks);
  const date = now();
  const versions: TaggedVersion[] = [];
  for (const version of await meta.listVersions({}))
    if (version.valid || !(await locks.isHeld(version.uid))) versions.push(version);
  const usages = await meta.diskUsage(
    versions.map(({ uid }) => uid),
    () => signal.throwIfAborted(),
  );
  const sum = (key: keyof (typeof usages)[number]) => Math.round(usages.reduce((total, usage) => total + usage[key], 0));
  const unique = sum('estimated');
  return {
    date,
    virtual: versions.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    real: sum('real'),
    // Compressed blobs would have to be listed in the data backend.
    stored: settings.encryption.version === 0 ? unique : null,
    versions: versions.length,
    names: new Set(versions.map(({ name }) => name)).size,
    kinds: {
      ...{ sparse: sum('sparse'), dedup_own: sum('dedupOwn'), dedup_others: sum('dedupOthers') },
      ...{ individual: sum('individual'), unique },
    },
    verification: await verificationOf(context),
  };
}

/** Measures the space and keeps the result, for `status`, `metrics` and `report`. */
export async function recordSpace(context: Context): Promise<SpaceRecord> {
  const record = await measureSpace(context);
  await context.meta.addSpace(record);
  return record;
}

async function verificationOf(context: Context): Promise<Verification> {
  const rows = await reportCoverage(context, COVERAGE_DAYS);
  const { blobs = 0, bad = 0, never = 0 } = rows[0] ?? {};
  return { blobs, bad, never, verified: rows.map(({ days, verified }) => ({ days, blobs: verified })) };
}
