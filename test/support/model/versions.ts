import { statSync } from 'node:fs';
import { sha256 } from '../images/sha256.ts';
import { checkVersionStored } from '../labs/check-store.ts';
import type { Lab, VersionRow } from '../labs/lab.ts';
import type { Active, Known } from './operations.ts';

/** The oracle: all versions that were ever begun, and their expected content. */
export class Versions {
  readonly #known = new Map<string, Known>();

  begin(version: Pick<Known, 'name' | 'image' | 'source' | 'hints' | 'base'>): Known {
    const known: Known = { ...version, uid: '', sha256: sha256(version.image), state: 'begun', mayGo: false };
    this.#known.set(known.name, known);
    return known;
  }

  /** Versions in one of these states, oldest first. */
  in(...states: Known['state'][]): Known[] {
    return [...this.#known.values()].filter(({ state }) => states.includes(state));
  }

  /** uid -> sha256, of valid versions. */
  get sums(): Map<string, string> {
    return new Map(this.in('valid').map((version) => [version.uid, version.sha256]));
  }

  /**
   * Compares the model with the database at this moment. Adopts the new state of versions that no
   * operation uses.
   * @throws Error for a version that was lost, became invalid, came back, or is valid and not
   * exactly its source.
   */
  observe(lab: Lab, active: Active): void {
    const rows = new Map(lab.versions().map((row) => [row.name, row]));
    for (const name of rows.keys()) if (!this.#known.has(name)) throw new Error(`version ${name} was made by nobody`);
    for (const version of this.#known.values()) {
      const row = rows.get(version.name);
      const problem = problemOf(version, row);
      if (problem !== undefined) throw new Error(`version ${version.name} (${version.uid}) ${problem}`);
      if (version.state !== 'gone' && !active.touches(version)) takeOver(version, row, lab);
    }
  }
}

function problemOf({ state, mayGo }: Known, row: VersionRow | undefined): string | undefined {
  if (state === 'gone') return row === undefined ? undefined : 'was removed and is there';
  if (mayGo || state === 'begun') return undefined;
  if (row === undefined) return `was ${state} and is gone, though nobody removes it`;
  return state === 'valid' && row.valid !== 1 ? 'was valid and is not, though nobody removes it' : undefined;
}

/** Adopts the state in which its operations left a version. */
function takeOver(version: Known, row: VersionRow | undefined, lab: Lab): void {
  const wasValid = version.state === 'valid';
  version.uid = row?.uid ?? version.uid;
  version.state = row === undefined ? 'gone' : row.valid === 1 ? 'valid' : 'unfinished';
  // Another operation may still ask for a removed one, to resume what was stopped.
  version.mayGo = row === undefined;
  if (row?.valid === 1 && !wasValid) checkVersionStored(lab, row, new Map([[row.uid, version.sha256]]));
}

/**
 * Checks that every row names a blob of its length, also while others work. A blob deleted between
 * the look at the rows and the look at it has lost its rows before: a second look finds none.
 */
export function checkBlobsOfRows(lab: Lab): void {
  const lacking = new Set(rowsLackingBlobs(lab).map(({ uid }) => uid));
  const still = lacking.size === 0 ? [] : lab.blocks().filter(({ uid }) => lacking.has(uid));
  if (still.length > 0) throw new Error(`rows whose blob is missing or of another length: ${JSON.stringify(still.slice(0, 5))}`);
}

function rowsLackingBlobs(lab: Lab) {
  return lab.blocks().filter(({ uid, size }) => {
    return uid !== null && statSync(lab.blobPath(uid), { throwIfNoEntry: false })?.size !== size;
  });
}
