import { fingerprintOf } from '../../data/catalogue/key-wraps.ts';
import type { Context } from '../context.ts';
import { withStorage } from '../store/storage.ts';
import { labelOf } from '../store/store-errors.ts';

/** The facts that one needs to come back from a store alone. */
export interface RecoveryFacts {
  /** Usually one; none if the store is new. */
  storeIds: readonly string[];
  /** The path or bucket. */
  place: string;
  /** Of the master key, to recognise it: 16 hex digits. Null: none. */
  keyFingerprint: string | null;
  /** When this was read. */
  time: Date;
}

/** Reads the store's id. Needs no database. */
export function recoveryFacts(context: Context): Promise<RecoveryFacts> {
  const { key } = context.settings.encryption;
  return withStorage(context, async (backend) => ({
    storeIds: (await backend.storeIds('short')) ?? [],
    place: labelOf(context.data.backend),
    keyFingerprint: key === undefined ? null : fingerprintOf(key),
    time: context.now(),
  }));
}
