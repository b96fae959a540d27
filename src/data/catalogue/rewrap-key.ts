import type { ObjectStore } from '../object-store.ts';
import { missingKey } from './damage.ts';
import { unwrapByMaster, wrapByMaster } from './key-wraps.ts';
import { findAllWraps, storeWraps } from './keys-object.ts';

/** The master keys of a rekey, 64 hex digits each. */
interface MasterKeys {
  oldKey: string;
  newKey: string;
}

/** A catalogue key that both master keys open. */
export interface RewrappedKey {
  /** Leaves the wrap by the new master key alone, and those by recovery keys. */
  finish(): Promise<void>;
}

/**
 * Wraps the catalogue key with a new master key. On return, both the old and the new one open it,
 * so that a crash at any moment leaves it open to the key that the database needs. Call `finish`
 * once the database is rekeyed. May be called again after a crash.
 * @returns undefined if there is no catalogue key.
 * @throws BackyError `encryption` if neither key opens it.
 */
export async function rewrapCatalogueKey(
  objects: ObjectStore,
  { oldKey, newKey }: MasterKeys,
): Promise<RewrappedKey | undefined> {
  const { state, wraps } = await findAllWraps(objects);
  if (state === 'none') return undefined;
  const key = unwrapByMaster(wraps, oldKey) ?? unwrapByMaster(wraps, newKey);
  if (key === undefined) throw missingKey('neither the old nor the new key opens it');
  const others = wraps.filter(({ by }) => by !== 'master');
  const wrap = wrapByMaster(key, newKey);
  if (unwrapByMaster(wraps, newKey) === undefined) await storeWraps(objects, [...wraps, wrap]);
  return { finish: () => storeWraps(objects, [wrap, ...others]) };
}
