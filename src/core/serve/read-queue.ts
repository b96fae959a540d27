import type { Finding } from '../../engine/shared/messages.ts';
import type { BlockRow } from '../../model/block.ts';
import type { CachedBlock } from './block-cache.ts';

/** A block to read. */
export interface BlockRequest {
  /** Identifies the block among all images of the reader. */
  key: number;
  row: BlockRow & { uid: string };
  /** Called when the block is bad, before the read rejects. */
  onBad(finding: Finding): void;
}

/** A request that has a slot in the cache and waits for its bytes. */
export interface PendingRead extends BlockRequest {
  block: CachedBlock;
  resolve(): void;
  reject(error: unknown): void;
}

/** How many blocks go into one job. */
interface JobSizes {
  /** Maximum of a job that a reader waits for. */
  maxBlocks: number;
  /** Jobs that run in parallel. Urgent reads are spread over them. */
  jobsAtOnce: number;
  /** Blocks of a read-ahead job, which are hashed in parallel. */
  aheadBlocks: number;
}

/** Reads that wait for a job, and reads whose job is running. */
export class ReadQueue {
  readonly #sizes: JobSizes;
  /** Reads that somebody waits for. */
  readonly #urgent = new Map<number, PendingRead>();
  readonly #ahead = new Map<number, PendingRead>();
  /** Reads of running jobs, by job number. */
  readonly #jobs = new Map<number, PendingRead[]>();
  #nextJob = 0;

  constructor(sizes: JobSizes) {
    this.#sizes = sizes;
  }

  /** True when no read waits for a job. */
  get isEmpty(): boolean {
    return this.#urgent.size + this.#ahead.size === 0;
  }

  add(read: PendingRead, priority: 'urgent' | 'ahead'): void {
    (priority === 'urgent' ? this.#urgent : this.#ahead).set(read.key, read);
  }

  /** Makes a read urgent that was queued as read-ahead. */
  promote(key: number): void {
    const read = this.#ahead.get(key);
    if (read === undefined) return;
    this.#ahead.delete(key);
    this.#urgent.set(key, read);
  }

  /** Returns the reads of the next job, urgent ones first. Jobs are numbered from 0. */
  takeJob(): PendingRead[] {
    const { maxBlocks, jobsAtOnce, aheadBlocks } = this.#sizes;
    const queue = this.#urgent.size > 0 ? this.#urgent : this.#ahead;
    if (queue.size === 0) return [];
    const minimum = queue === this.#ahead ? aheadBlocks : 1;
    const count = Math.max(minimum, Math.min(maxBlocks, Math.ceil(queue.size / jobsAtOnce)));
    const reads: PendingRead[] = [];
    for (const read of queue.values()) {
      if (reads.length === count) break;
      reads.push(read);
    }
    for (const { key } of reads) queue.delete(key);
    this.#jobs.set(this.#nextJob++, reads);
    return reads;
  }

  /** Returns the reads of a finished job. */
  finishJob(job: number): PendingRead[] {
    const reads = this.#jobs.get(job) ?? [];
    this.#jobs.delete(job);
    return reads;
  }

  /** Rejects all reads, those of running jobs too. */
  rejectAll(error: unknown): void {
    const running = [...this.#jobs.values()].flat();
    for (const read of [...this.#urgent.values(), ...this.#ahead.values(), ...running]) read.reject(error);
    this.#urgent.clear();
    this.#ahead.clear();
  }
}
