import type { Finding } from '../../engine/shared/messages.ts';
import type { Logger } from '../../logger.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { Block, BlockRow } from '../../model/block.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { DamageGuard } from '../store/damage-guard.ts';
import type { CheckLog } from './check-log.ts';

/** A block that is not what it should be, as results and `--json` tell it. */
export interface BadBlock {
  id: number;
  /** Blocks from `id` on that share the problem: more than one only where rows are missing. */
  count: number;
  uid: string | null;
  problem: Finding['problem'];
  is: string;
  shouldBe: string | null;
}

/** What was done when a bad block was met. */
type Activity = 'restore' | 'scrub' | 'migration' | 'reading';

/** Options of a {@link BadBlockRecorder}. */
export interface BadBlockRecorderOptions {
  meta: MetaStore;
  logger: Logger;
  version: TaggedVersion;
  during: Activity;
  /**
   * Holds missing blobs back; who records counts what it reads there, and settles it at the end.
   */
  guard: DamageGuard;
  /** Notes missing blobs. */
  checks?: CheckLog | undefined;
}

/** Reports findings, and marks the blocks, and all versions that hold them, invalid. */
export class BadBlockRecorder {
  readonly found: BadBlock[] = [];
  /** Versions that hold a bad blob, or lack a row: they are invalid now. */
  readonly affectedVersions = new Set<string>();
  /** Plain bytes of the blocks in `found` that have a row. */
  bytes = 0;
  readonly #meta: MetaStore;
  readonly #logger: Logger;
  readonly #version: TaggedVersion;
  readonly #during: Activity;
  readonly #guard: DamageGuard;
  readonly #checks: CheckLog | undefined;
  readonly #marked = new Set<string>();

  constructor(options: BadBlockRecorderOptions) {
    this.#guard = options.guard;
    this.#checks = options.checks;
    this.#meta = options.meta;
    this.#logger = options.logger;
    this.#version = options.version;
    this.#during = options.during;
  }

  /** Whether something is wrong with the stored blocks themselves. */
  get hasBadBlobs(): boolean {
    return this.found.some((block) => block.problem !== 'source');
  }

  /**
   * `read`: the blocks of the job, as they were read.
   * @returns blocks whose row names another blob by now, since somebody mended it: nothing is wrong with them before that one was read.
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

  async #add(finding: Finding, block: (Block & { valid: boolean }) | undefined): Promise<void> {
    const { id, problem, actual } = finding;
    this.found.push({ id, count: 1, uid: block?.uid ?? null, problem, is: actual, shouldBe: block?.checksum ?? null });
    this.bytes += block?.size ?? 0;
    const report = async () => {
      this.#logger.error(describeFinding(finding, block, this.#during));
      if (problem !== 'source' && block !== undefined) await this.#mark(block);
    };
    if (problem !== 'missing') return report();
    await this.#guard.missing(async () => {
      if (block?.uid != null) this.#checks?.addMissing(block.uid);
      await report();
    });
  }

  async #mark({ uid, checksum }: Block): Promise<void> {
    if (uid === null || this.#marked.has(`${uid} ${checksum}`)) return;
    this.#marked.add(`${uid} ${checksum}`);
    const versions = await this.#meta.markBlockInvalid(uid, checksum);
    this.#logger.info(`Marked block invalid (UID ${uid}, Checksum ${checksum}. Affected versions: ${versions.join(', ')})`);
    for (const version of versions) {
      this.affectedVersions.add(version);
      this.#logger.info(`Marked version invalid (UID ${version})`);
    }
  }
}

/** What is wrong with a block, in words. */
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
