import type { Finding } from '../../engine/shared/messages.ts';
import { BackyError } from '../../errors.ts';
import type { MetaStore } from '../../meta/meta-store.ts';
import type { BlockRow } from '../../model/block.ts';

/** What became of a finding: the block is marked; its row names another blob by now; or the database could not be told. */
export type Verdict = 'marked' | 'mended' | 'unmarked';

interface BadBlock {
  error: BackyError;
  /** Undefined where no blob is to blame, and so none can be mended. */
  blob?: { uid: string | null; verdict: Promise<Verdict> };
}

/** The blocks of an open image that were found bad, until somebody mends them: a backup, `repair`, or a scrub that finds them good. */
export class KnownBadBlocks {
  readonly #meta: MetaStore;
  readonly #versionUid: string;
  readonly #record: (finding: Finding, row: BlockRow) => Promise<Verdict>;
  readonly #onMended: (id: number) => void;
  readonly #blocks = new Map<number, BadBlock>();

  /** `record` marks what was found, and never rejects; `onMended` is told of each block whose row has to be read anew. */
  constructor(options: {
    meta: MetaStore;
    versionUid: string;
    record(finding: Finding, row: BlockRow): Promise<Verdict>;
    onMended(id: number): void;
  }) {
    this.#meta = options.meta;
    this.#versionUid = options.versionUid;
    this.#record = options.record;
    this.#onMended = options.onMended;
  }

  has(id: number): boolean {
    return this.#blocks.has(id);
  }

  /** A block that its row makes unreadable. */
  refuse(id: number, error: BackyError): void {
    this.#blocks.set(id, { error });
  }

  /** A block whose blob is bad; it was read by `row`. */
  found(finding: Finding, row: BlockRow): void {
    const error = new BackyError('blocksBad', `Block ${finding.id} is bad (${finding.problem}).`);
    this.#blocks.set(finding.id, { error, blob: { uid: row.uid, verdict: this.#record(finding, row) } });
  }

  /** Throws when a block is bad, and is so by now. Costs a look into the database for such a block, and nothing for others. */
  async check(id: number): Promise<void> {
    const block = this.#blocks.get(id);
    if (block === undefined) return;
    if (block.blob === undefined || !(await this.#isMended(id, block.blob))) throw block.error;
    // Another reader may have come to know this already, and more.
    if (this.#blocks.get(id) !== block) return;
    this.#blocks.delete(id);
    this.#onMended(id);
  }

  async #isMended(id: number, { uid, verdict }: { uid: string | null; verdict: Promise<Verdict> }): Promise<boolean> {
    const became = await verdict;
    if (became === 'mended') return true;
    const [row] = await this.#meta.blocksById(this.#versionUid, [id]);
    if (row === undefined) return false;
    return row.uid !== uid || (became === 'marked' && row.valid);
  }
}
