import type { Finding } from '../../engine/shared/messages.ts';
import { BackyError } from '../../errors.ts';
import type { BlobCheck } from '../../meta/verification-store.ts';
import type { Block } from '../../model/block.ts';
import type { Context } from '../context.ts';
import { GroupCommitter } from './group-committer.ts';

/** With these, the transaction of a group costs little. */
const GROUP_BLOBS = 10_000;
const GROUP_MS = 5_000;

/**
 * Keeps in the database when blobs were verified. Checks are committed in groups: a crash loses the
 * last ones, and their blobs are verified again some day.
 */
export class CheckLog {
  readonly #context: Pick<Context, 'meta' | 'now' | 'logger'>;
  readonly #notBefore: number;
  readonly #group: GroupCommitter<BlobCheck>;
  /** Checks of the group that is being gathered. */
  #pending = new Map<string, BlobCheck>();

  /**
   * @param notBefore Unix seconds: no check gets an earlier time. A scrub of the oldest blobs needs
   * that to tell the checks that it has made from older ones.
   */
  constructor(context: Pick<Context, 'meta' | 'now' | 'logger'>, notBefore = 0) {
    this.#context = context;
    this.#notBefore = notBefore;
    this.#group = new GroupCommitter({
      dueItems: GROUP_BLOBS,
      dueMs: GROUP_MS,
      commit: (checks) => this.#commitGroup(checks),
    });
  }

  /**
   * Notes blocks that were fetched. Those without a finding are good. Missing ones are left to
   * {@link addMissing}.
   */
  async add(read: readonly Block[], findings: readonly Finding[]): Promise<void> {
    const problems = new Map(findings.map(({ id, problem }) => [id, problem]));
    for (const { id, uid, checksum, size, encVersion, envKey, nonce } of read) {
      const problem = problems.get(id) ?? 'source';
      const content = { checksum, size, encVersion, envKey, nonce };
      if (uid !== null && problem !== 'missing') this.#note({ uid, good: problem === 'source', content });
    }
    await this.#group.commitIfDue();
  }

  /** Notes that a blob is missing. MUST NOT be called before mass damage is ruled out. */
  addMissing(uid: string): void {
    this.#note({ uid, good: false });
  }

  /** Whether a blob was found good, and holds this content. False once that is committed. */
  hasGood(uid: string, checksum: string): boolean {
    const check = this.#pending.get(uid);
    return check?.good === true && check.content?.checksum === checksum;
  }

  #note(check: BlobCheck): void {
    this.#pending.set(check.uid, check);
    this.#group.add(check);
  }

  /** Commits the last group. A failure is only logged: it does not change what was verified. */
  async close(): Promise<void> {
    try {
      await this.#group.commit();
    } catch (error) {
      if (!(error instanceof BackyError)) throw error;
      this.#context.logger.warning(`The time of verified blobs could not be stored: ${error.message}`);
    }
  }

  async #commitGroup(checks: readonly BlobCheck[]): Promise<void> {
    this.#pending = new Map();
    if ((await this.#context.meta.readOnlyReason()) !== undefined) return;
    // The last check of a blob counts. In the order of the table, its pages are written once each.
    const latest = [...new Map(checks.map((check) => [check.uid, check])).values()];
    latest.sort((a, b) => (a.uid < b.uid ? -1 : 1));
    const time = Math.max(Math.floor(this.#context.now().getTime() / 1000), this.#notBefore);
    await this.#context.meta.recordChecks(latest, time);
  }
}
