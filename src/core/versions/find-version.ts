import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { TaggedVersion } from '../../model/version.ts';

/** The version with this uid; an unknown one is an error. */
export async function findVersion(meta: MetaStore, uid: string): Promise<TaggedVersion> {
  const version = await meta.findVersion(uid);
  if (version !== undefined) return version;
  throw new BackyError('notFound', `Version ${uid === '' ? '""' : uid} not found.`, {
    data: { uid },
    hint: await whatWasMeant(meta, uid),
  });
}

/** A part of a uid is never taken for the whole: another version may start so tomorrow. */
async function whatWasMeant(meta: MetaStore, uid: string): Promise<string> {
  const versions = uid === '' ? [] : await meta.listVersions({});
  if (versions.some(({ name }) => name === uid)) return `It is a name; list its versions with: backy2 ls ${uid}`;
  const [first, ...others] = versions.filter((version) => version.uid.startsWith(uid.toLowerCase()));
  const list = 'List the versions with: backy2 ls';
  return first === undefined || others.length > 0 ? list : `Did you mean ${first.uid}? ${list}`;
}
