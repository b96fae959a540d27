import type { Finding } from '../../engine/shared/messages.ts';
import { BackyError } from '../../errors.ts';
import type { BlobCheck } from '../../meta/verification-store.ts';
import type { Block } from '../../model/block.ts';
import type { Context } from '../context.ts';

/** A transaction for so many blobs, or so long. */
const GROUP_BLOBS = 10_000;
const GROUP_MS = 5_000;

/** Keeps when blobs were verified, in groups. What a crash loses is verified again some day. */
export class CheckLog {
  readonly #context: Pick<Context, 'meta' | 'now' | 'logger'>;
  readonly #notBefore: number;
  #checks = new Map<string, BlobCheck>();
  #oldest = 0;
  #committing: Promise<void> | undefined;

  /** `notBefore` (Unix seconds): for who looks at the times that are kept while they are being kept. */
  constructor(context: Pick<Context, 'meta' | 'now' | 'logger'>, notBefore = 0) {
    this.#context = context;
    this.#notBefore = notBefore;
  }

  /**
   * Notes blocks that were fetched; those that no finding names are good. Missing ones are left to
   * {@link addMissing}.
   */
  async add(read: readonly Block[], findings: readonly Finding[]): Promise<void> {
    const problems = new Map(findings.map(({ id, problem }) => [id, problem]));
    for (const { id, uid, checksum, size, encVersion, envKey, nonce } of read) {
      const problem = problems.get(id) ?? 'source';
      const content = { checksum, size, encVersion, envKey, nonce };
      if (uid !== null && problem !== 'missing') this.#note({ uid, good: problem === 'source', content });
    }
    await this.#commitIfDue();
  }

  /** Notes a blob that is missing, once that is known to be damage to this blob alone. */
  addMissing(uid: string): void {
    this.#note({ uid, good: false });
  }

  /** Whether a blob was found good a moment ago, and holds this content. */
  hasGood(uid: string, checksum: string): boolean {
    const check = this.#checks.get(uid);
    return check?.good === true && check.content?.checksum === checksum;
  }

  #note(check: BlobCheck): void {
    if (this.#checks.size === 0) this.#oldest = performance.now();
    this.#checks.set(check.uid, check);
  }

  async #commitIfDue(): Promise<void> {
    if (this.#checks.size === 0) return;
    const isDue = this.#checks.size >= GROUP_BLOBS || performance.now() - this.#oldest >= GROUP_MS;
    if (isDue && this.#committing === undefined) await this.commit();
  }

  /** Commits what is left. That it can't be kept is no failure of what was verified. */
  async close(): Promise<void> {
    try {
      await this.commit();
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
      this.#context.logger.warning(`When blobs were verified could not be kept: ${error.message}`);
    }
  }

  /** Commits all that is there. */
  async commit(): Promise<void> {
    await this.#committing;
    if (this.#checks.size === 0) return;
    // In the order of the table: its pages are then written once each.
    const checks = [...this.#checks.values()].sort((a, b) => (a.uid < b.uid ? -1 : 1));
    this.#checks = new Map();
    const time = Math.max(Math.floor(this.#context.now().getTime() / 1000), this.#notBefore);
    this.#committing = this.#context.meta.recordChecks(checks, time);
    try {
      await this.#committing;
    } finally {
      this.#committing = undefined;
    }
  }
}
