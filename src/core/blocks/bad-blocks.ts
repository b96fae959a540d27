import type { Finding } from '../../engine/shared/messages.ts';
import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Block, BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { DamageGuard } from '../store/damage-guard.ts';
import { BlobMarks } from './blob-marks.ts';
import type { CheckLog } from './check-log.ts';
import type { FindingRecorder } from './fetch-phase.ts';

/** A bad block, as results and `--json` show it. */
export interface BadBlock {
  id: number;
  /** Blocks from `id` on that share the problem: more than one only where rows are missing. */
  count: number;
  uid: string | null;
  problem: Finding['problem'];
  /** The checksum of its data, or what else was found; `is` in JSON. */
  actual: string;
  /** The checksum that its row names; `should_be` in JSON. */
  expected: string | null;
}

/** The operation that met a bad block, as messages call it. */
type Activity = 'restore' | 'scrub' | 'migration' | 'reading';

/** Options of a {@link BadBlockRecorder}. */
interface BadBlockRecorderOptions {
  meta: MetaStore;
  logger: Logger;
  version: TaggedVersion;
  during: Activity;
  /**
   * Holds reports of missing blobs back. The caller counts the blobs that it reads there, and
   * settles it at the end.
   */
  guard: DamageGuard;
  /** Notes missing blobs. */
  checks?: CheckLog | undefined;
}

/**
 * Reports bad blocks, and marks them and all versions that hold them invalid: by {@link settle} at
 * the latest.
 */
export class BadBlockRecorder implements FindingRecorder {
  readonly found: BadBlock[] = [];
  /** Plain bytes of the bad blocks that have a row. */
  bytes = 0;
  /** Blocks without a row. */
  blocksWithoutRow = 0;
  readonly #meta: MetaStore;
  readonly #logger: Logger;
  readonly #version: TaggedVersion;
  readonly #during: Activity;
  readonly #guard: DamageGuard;
  readonly #checks: CheckLog | undefined;
  readonly #marks: BlobMarks;

  constructor(options: BadBlockRecorderOptions) {
    this.#guard = options.guard;
    this.#checks = options.checks;
    this.#meta = options.meta;
    this.#logger = options.logger;
    this.#version = options.version;
    this.#during = options.during;
    this.#marks = new BlobMarks({ meta: options.meta, logger: options.logger, onMarked: () => {} });
  }

  /** Versions that are invalid now: they hold a bad blob, or lack a row. */
  get affectedVersions(): Set<string> {
    return this.#marks.versions;
  }

  /** All bad blocks, those without a row included. */
  get count(): number {
    return this.found.reduce((sum, { count }) => sum + count, 0);
  }

  /** Whether stored blocks are bad, and not only the source that they were compared with. */
  get hasBadBlobs(): boolean {
    return this.found.some((block) => block.problem !== 'source');
  }

  /**
   * @param read the blocks of the job, as they were read.
   * @returns blocks that were repaired meanwhile: their rows name other blobs, which have to be
   * read.
   */
  async record(findings: readonly Finding[], read: readonly Block[]): Promise<BlockRow[]> {
    const rows = await this.#meta.blocksById(
      this.#version.uid,
      findings.map((finding) => finding.id),
    );
    const mended: BlockRow[] = [];
    for (const finding of findings) {
      const row = rows.find(({ id }) => id === finding.id);
      const block = read.find(({ id }) => id === finding.id) ?? row;
      if (row !== undefined && row.uid !== block?.uid && finding.problem !== 'source') mended.push(row);
      else await this.#add(finding, block === undefined ? undefined : { ...block, valid: row?.valid ?? true });
    }
    return mended;
  }

  settle(): Promise<void> {
    return this.#marks.settle();
  }

  /** Records blocks that the version has no rows for. */
  recordMissingRows({ first, count }: BlockRange): void {
    const last = first + count - 1;
    this.#logger.error(`Blocks ${first} to ${last} are missing from version ${this.#version.uid}: it is incomplete.`);
    this.found.push({ id: first, count, uid: null, problem: 'missing', actual: 'no row', expected: null });
    this.blocksWithoutRow += count;
  }

  async #add(finding: Finding, block: (Block & { valid: boolean }) | undefined): Promise<void> {
    const { id, problem, actual } = finding;
    this.found.push({ id, count: 1, uid: block?.uid ?? null, problem, actual, expected: block?.checksum ?? null });
    this.bytes += block?.size ?? 0;
    const report = async () => {
      this.#logger.error(describeFinding(finding, block, this.#during));
      const { uid = null, checksum = null } = block ?? {};
      if (problem !== 'source' && uid !== null) await this.#marks.add({ uid, checksum });
    };
    if (problem !== 'missing') return report();
    await this.#guard.reportMissing(async () => {
      if (block?.uid != null) this.#checks?.addMissing(block.uid);
      await report();
    });
  }
}

/** Describes a finding in a line for the log. */
export function describeFinding(finding: Finding, row: (Block & { valid: boolean }) | undefined, during: string): string {
  const where = `block ${finding.id} (UID ${row?.uid ?? 'None'})`;
  const state = `should-be: ${row?.checksum ?? 'all zero'} block-valid: ${row?.valid === false ? 0 : 1}`;
  switch (finding.problem) {
    case 'source':
      return `Source data has changed for ${where} (is: ${finding.actual} ${state})`;
    case 'missing':
      return `Blob is missing during ${during} for ${where} (is: ${finding.actual} ${state})`;
    case 'unreadable':
      return `Blob can't be read during ${during} for ${where} (is: ${finding.actual} ${state})`;
    case 'length':
      return `Length mismatch during ${during} for ${where} (is: ${finding.actual} should-be: ${row?.size} bytes ${state})`;
    case 'undecodable':
      return `Blob can't be decoded during ${during} for ${where} (is: ${finding.actual} ${state})`;
    case 'checksum':
      return `Checksum mismatch during ${during} for ${where} (is: ${finding.actual} ${state})`;
  }
}
