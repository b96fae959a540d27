import type { Finding } from '../../engine/shared/messages.ts';
import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { BlockRow } from '../../model/block.ts';

/**
 * Outcome of recording a bad block. `mended`: its row names another blob by now. `unmarked`: the
 * database was not changed.
 */
export type Verdict = 'marked' | 'mended' | 'unmarked';

interface BadBlock {
  error: BackyError;
  /** Undefined when the row is wrong, which no repair of a blob mends. */
  blob?: BadBlob;
}

interface BadBlob {
  uid: string | null;
  verdict: Promise<Verdict>;
}

/** How bad blocks are recorded. */
interface KnownBadBlocksOptions {
  meta: MetaStore;
  versionUid: string;
  /** Marks a bad block. MUST NOT reject. */
  record(finding: Finding, row: BlockRow): Promise<Verdict>;
  /** Called for each block whose row has to be read again. */
  onMended(id: number): void;
}

/**
 * Blocks of an open image that were found bad. A backup, `repair` or `scrub` can mend them while
 * the image is open.
 */
export class KnownBadBlocks {
  readonly #meta: MetaStore;
  readonly #versionUid: string;
  readonly #record: (finding: Finding, row: BlockRow) => Promise<Verdict>;
  readonly #onMended: (id: number) => void;
  readonly #blocks = new Map<number, BadBlock>();

  constructor(options: KnownBadBlocksOptions) {
    this.#meta = options.meta;
    this.#versionUid = options.versionUid;
    this.#record = options.record;
    this.#onMended = options.onMended;
  }

  has(id: number): boolean {
    return this.#blocks.has(id);
  }

  /** Adds a block whose row is wrong. */
  refuse(id: number, error: BackyError): void {
    this.#blocks.set(id, { error });
  }

  /** Adds a block whose blob, named by `row`, is bad. */
  found(finding: Finding, row: BlockRow): void {
    const error = new BackyError('blocksBad', `Block ${finding.id} is bad (${finding.problem}).`);
    this.#blocks.set(finding.id, { error, blob: { uid: row.uid, verdict: this.#record(finding, row) } });
  }

  /** Throws if a block is still bad. Asks the database about a known bad block only. */
  async check(id: number): Promise<void> {
    const block = this.#blocks.get(id);
    if (block === undefined) return;
    if (block.blob === undefined || !(await this.#isMended(id, block.blob))) throw block.error;
    // Another reader may have replaced the entry meanwhile.
    if (this.#blocks.get(id) !== block) return;
    this.#blocks.delete(id);
    this.#onMended(id);
  }

  async #isMended(id: number, { uid, verdict }: BadBlob): Promise<boolean> {
    const outcome = await verdict;
    if (outcome === 'mended') return true;
    const [row] = await this.#meta.blocksById(this.#versionUid, [id]);
    if (row === undefined) return false;
    return row.uid !== uid || (outcome === 'marked' && row.valid);
  }
}
