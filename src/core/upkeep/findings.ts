import type { Logger } from '../../logger.ts';
import type { StoredProblem } from '../../meta/integrity-store.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { Version } from '../../model/version.ts';
import type { RowProblem } from './row-problems.ts';

/**
 * Problems in the database:
 * - `ids`: rows that are for none of the version's blocks
 * - `missing`: blocks of a valid version without a row
 * - `version`: the size of the version fits no length of blocks
 * - `unreadable`: the database could not read the version
 */
type MetadataProblem = StoredProblem | RowProblem['problem'] | 'ids' | 'missing' | 'version' | 'unreadable';

/** A problem, and the blocks that it affects. */
export interface MetadataFinding {
  /** Null: it belongs to no version. */
  versionUid: string | null;
  name: string | null;
  /** The first block; null: no block, or the whole version. */
  block: number | null;
  /** Blocks from there on; 0 without one. */
  count: number;
  problem: MetadataProblem;
  detail: string;
}

/** A finding about a version. */
export interface VersionFinding {
  range?: BlockRange | undefined;
  problem: MetadataProblem;
  detail: string;
}

/** More are only counted: each takes memory. */
const MAX_FINDINGS = 10_000;

/** Collects findings, joins those of neighbouring blocks, and logs them. */
export class Findings {
  readonly all: MetadataFinding[] = [];
  /** Findings that were only counted. */
  more = 0;
  readonly #logger: Logger;
  #logged = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get count(): number {
    return this.all.length + this.more;
  }

  /** @param version undefined: it belongs to none. */
  add(version: Pick<Version, 'uid' | 'name'> | undefined, { range, problem, detail }: VersionFinding): void {
    const finding: MetadataFinding = {
      versionUid: version?.uid ?? null,
      name: version?.name ?? null,
      block: range?.first ?? null,
      count: range?.count ?? 0,
      problem,
      detail,
    };
    const last = this.all.at(-1);
    if (last !== undefined && this.more === 0 && continues(finding, last)) last.count += finding.count;
    else if (this.all.length < MAX_FINDINGS) this.all.push(finding);
    else if (this.more++ === 0) this.#logger.error(`More than ${MAX_FINDINGS} findings: the others are only counted.`);
  }

  /** Logs what was added since the last call. Call it when nothing can continue the last one. */
  log(): void {
    for (const finding of this.all.slice(this.#logged)) this.#logger.error(describe(finding));
    this.#logged = this.all.length;
  }
}

function continues(finding: MetadataFinding, last: MetadataFinding): boolean {
  return (
    finding.block !== null &&
    last.block !== null &&
    last.block + last.count === finding.block &&
    last.versionUid === finding.versionUid &&
    last.problem === finding.problem &&
    last.detail === finding.detail
  );
}

function describe({ versionUid, name, block, count, detail }: MetadataFinding): string {
  const version = versionUid === null ? 'Database' : `Version ${versionUid}${name === null ? '' : ` (${name})`}`;
  if (block === null) return `${version}: ${detail}.`;
  return `${version}, ${count === 1 ? `block ${block}` : `blocks ${block} to ${block + count - 1}`}: ${detail}.`;
}
