import { expect } from 'vitest';
import { checkStored } from '../labs/check-store.ts';
import type { Lab } from '../labs/lab.ts';

/** Adds versions made meanwhile, found by name, to the oracle. */
function knownVersions(lab: Lab, oracle: ReadonlyMap<string, string>): Map<string, string> {
  const known = new Map(oracle);
  for (const { uid, name } of lab.versions()) {
    const sum = oracle.get(uid) ?? oracle.get(name);
    if (sum !== undefined) known.set(uid, sum);
  }
  return known;
}

/**
 * Checks that each valid version holds exactly its bytes and each row has its blob. Reads the blobs
 * without the program, so they must not be encrypted.
 */
export function checkByLooking(lab: Lab, oracle: ReadonlyMap<string, string>): void {
  if (lab.isPlain()) checkStored(lab, knownVersions(lab, oracle));
}

/** Checks that the program restores each valid version to exactly its bytes. */
export async function checkByRestoring(lab: Lab, oracle: ReadonlyMap<string, string>): Promise<void> {
  const known = knownVersions(lab, oracle);
  for (const { uid, name, valid } of lab.versions()) {
    if (valid === 1)
      expect(await lab.restoredSha256(uid), `sha256 of the restored version ${uid} (${name})`).toBe(known.get(uid));
  }
}
