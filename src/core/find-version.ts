import { BackyError } from '../errors.ts';
import type { MetaStore } from '../meta/meta-store.ts';
import type { TaggedVersion } from '../meta/types.ts';

/** The version with this uid; an unknown one is an error. */
export async function findVersion(meta: MetaStore, uid: string): Promise<TaggedVersion> {
  const version = await meta.findVersion(uid);
  if (version !== undefined) return version;
  throw new BackyError('notFound', `Version ${uid} not found.`, { hint: 'List the versions with: backy2 ls' });
}
