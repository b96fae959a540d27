import type { ManifestHead } from '../../data/catalogue/types.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import { checkInstallationFree } from '../versions/locks.ts';
import { readHeads } from './read-heads.ts';
import { withCatalogue } from './with-catalogue.ts';

/** A version that database and catalogue do not have alike. */
export interface CatalogueDifference {
  uid: string;
  name: string;
  date: Date;
  /** Where the version is, or `both`. */
  where: 'store' | 'database' | 'both';
  /** The columns that differ, if both have it. */
  fields: string[];
}

/** Reads the heads of all versions, and compares them with the database: rows, tags, statistics. */
export async function compareCatalogue(context: Context): Promise<CatalogueDifference[]> {
  await checkInstallationFree(context.locks);
  const { heads } = await withCatalogue(context, ({ catalogue }) => readHeads(context, catalogue));
  const versions = await context.meta.listVersions({});
  const byUid = new Map(versions.map((version) => [version.uid, version]));
  const differences: CatalogueDifference[] = [];
  for (const head of heads) {
    const version = byUid.get(head.version.uid);
    byUid.delete(head.version.uid);
    if (version === undefined) differences.push(only(head.version, 'store'));
    else {
      const fields = await fieldsThatDiffer(context, version, head);
      if (fields.length > 0) differences.push({ ...only(version, 'both'), fields });
    }
  }
  for (const version of byUid.values()) if (version.valid) differences.push(only(version, 'database'));
  return differences.sort((a, b) => (a.name === b.name ? a.date.getTime() - b.date.getTime() : a.name < b.name ? -1 : 1));
}

function only({ uid, name, date }: TaggedVersion, where: CatalogueDifference['where']): CatalogueDifference {
  return { uid, name, date, where, fields: [] };
}

async function fieldsThatDiffer({ meta }: Context, version: TaggedVersion, head: ManifestHead): Promise<string[]> {
  const here = { ...columnsOf(version), stats: await meta.listStats({ versionUid: version.uid }) };
  const there = { ...columnsOf(head.version), stats: head.stats };
  return Object.entries(here).flatMap(([field, value]) =>
    JSON.stringify(value) === JSON.stringify(there[field as keyof typeof there]) ? [] : field,
  );
}

/** By the names that `ls` has for them. */
function columnsOf({ date, name, snapshotName, size, sizeBytes, valid, protected: isProtected, expire, tags }: TaggedVersion) {
  return {
    ...{ date, name, snapshot_name: snapshotName, size, size_bytes: sizeBytes },
    ...{ valid, protected: isProtected, expire, tags },
  };
}
