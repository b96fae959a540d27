import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { TaggedVersion } from '../../model/version.ts';

/** Finds a version by its uid. Throws a BackyError `notFound`. */
export async function findVersion(meta: MetaStore, uid: string): Promise<TaggedVersion> {
  const version = await meta.findVersion(uid);
  if (version !== undefined) return version;
  throw new BackyError('notFound', `Version ${uid === '' ? '""' : uid} not found.`, {
    data: { uid },
    hint: await suggestVersion(meta, uid),
  });
}

/** The start of a uid is only a hint, never enough: another version may start the same. */
async function suggestVersion(meta: MetaStore, uid: string): Promise<string> {
  const versions = uid === '' ? [] : await meta.listVersions({});
  if (versions.some(({ name }) => name === uid)) return `It is a name; list its versions with: backy2 ls ${uid}`;
  const [first, ...others] = versions.filter((version) => version.uid.startsWith(uid.toLowerCase()));
  const list = 'List the versions with: backy2 ls';
  return first === undefined || others.length > 0 ? list : `Did you mean ${first.uid}? ${list}`;
}
