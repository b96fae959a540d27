import { expect } from 'vitest';
import { checkStored } from '../labs/check-store.ts';
import type { Lab } from '../labs/lab.ts';

/** Whether blobs of the lab are the plain blocks, so that a test can read them itself. */
export function isPlain(lab: Lab): boolean {
  return lab.query('SELECT 1 FROM blocks WHERE enc_version <> 0 LIMIT 1').length === 0;
}

/** The oracle, with the versions that came into being meanwhile, which are known by their names. */
function knownVersions(lab: Lab, oracle: ReadonlyMap<string, string>): Map<string, string> {
  const known = new Map(oracle);
  for (const { uid, name } of lab.versions()) {
    const sum = oracle.get(uid) ?? oracle.get(name);
    if (sum !== undefined) known.set(uid, sum);
  }
  return known;
}

/** No valid version that does not hold exactly its bytes, no row without its blob; looked up without the program, which can't be done with encrypted ones. */
export function checkByLooking(lab: Lab, oracle: ReadonlyMap<string, string>): void {
  if (isPlain(lab)) checkStored(lab, knownVersions(lab, oracle));
}

/** The program restores every valid version to exactly its bytes. */
export async function checkByRestoring(lab: Lab, oracle: ReadonlyMap<string, string>): Promise<void> {
  const known = knownVersions(lab, oracle);
  for (const { uid, name, valid } of lab.versions()) {
    if (valid === 1)
      expect(await lab.restoredSha256(uid), `sha256 of the restored version ${uid} (${name})`).toBe(known.get(uid));
  }
}
