import type { Finding } from '../engine/messages.ts';
import type { Logger } from '../logger.ts';
import type { MetaStore } from '../meta/meta-store.ts';
import type { BlockRow, TaggedVersion } from '../meta/types.ts';

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
  readonly #marked = new Set<string>();

  constructor(options: { meta: MetaStore; logger: Logger; version: TaggedVersion; during: Activity }) {
    this.#meta = options.meta;
    this.#logger = options.logger;
    this.#version = options.version;
    this.#during = options.during;
  }

  /** Whether something is wrong with the stored blocks themselves. */
  get hasBadBlobs(): boolean {
    return this.found.some((block) => block.problem !== 'source');
  }

  async record(findings: readonly Finding[]): Promise<void> {
    const rows = await this.#meta.blocksById(
      this.#version.uid,
      findings.map((finding) => finding.id),
    );
    for (const finding of findings) {
      const row = rows.find(({ id }) => id === finding.id);
      this.found.push({
        id: finding.id,
        count: 1,
        uid: row?.uid ?? null,
        problem: finding.problem,
        is: finding.is,
        shouldBe: row?.checksum ?? null,
      });
      this.bytes += row?.size ?? 0;
      this.#logger.error(describe(finding, row, this.#during));
      if (finding.problem !== 'source' && row !== undefined) await this.#mark(row);
    }
  }

  async #mark({ uid, checksum }: BlockRow): Promise<void> {
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

function describe(finding: Finding, row: BlockRow | undefined, during: Activity): string {
  const where = `block ${finding.id} (UID ${row?.uid ?? 'None'})`;
  const state = `should-be: ${row?.checksum ?? 'all zero'} block-valid: ${row?.valid === false ? 0 : 1}`;
  switch (finding.problem) {
    case 'source':
      return `Source data has changed for ${where} (is: ${finding.is} ${state})`;
    case 'missing':
      return `Blob is missing during ${during} for ${where} (is: ${finding.is} ${state})`;
    case 'unreadable':
      return `Blob can't be read during ${during} for ${where} (is: ${finding.is} ${state})`;
    case 'length':
      return `Length mismatch during ${during} for ${where} (is: ${finding.is} should-be: ${row?.size} bytes ${state})`;
    case 'undecodable':
      return `Blob can't be decoded during ${during} for ${where} (is: ${finding.is} ${state})`;
    case 'checksum':
      return `Checksum mismatch during ${during} for ${where} (is: ${finding.is} ${state})`;
  }
}
