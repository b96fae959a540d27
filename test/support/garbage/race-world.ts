import type { LockMode } from '../../../src/locking/lock.ts';
import type { Image } from './store-images.ts';

/** Events of a race. */
export const EVENTS = ['backups', 'refused', 'removals', 'cleanups', 'deleted', 'killed'] as const;
type Event = (typeof EVENTS)[number];
export type Counts = Record<Event, number>;

export const noCounts = (): Counts => ({ backups: 0, refused: 0, removals: 0, cleanups: 0, deleted: 0, killed: 0 });

/** Shared by the programs of a race beside the database: locks, images, and a data backend. */
export interface RaceWorld {
  /** The longest pause between two steps, in milliseconds. */
  readonly pauseMs: number;
  /** Called after a cleanup has read leaves, before it judges: others have time for a commit. */
  afterSearch(): void;
  /** Runs `body` with a lock, unless another program has it. */
  holding(name: string, mode: LockMode, body: () => Promise<void>): Promise<void>;
  /** MUST be called before the version is created. */
  keepImage(versionUid: string, image: Image): void;
  imageOf(versionUid: string): Image;
  /** Stores a blob with this content. */
  store(blobUid: string, content: number): void;
  /** The content of a blob; undefined: it is not there. */
  contentOf(blobUid: string): number | undefined;
  /** Deletes a blob. @returns whether it was there. */
  delete(blobUid: string): boolean;
  count(event: Event, times?: number): void;
}

/** A world of programs in one process. */
export class MemoryWorld implements RaceWorld {
  readonly pauseMs = 4;
  readonly counts = noCounts();
  readonly #images = new Map<string, Image>();
  readonly #blobs = new Map<string, number>();
  /** The number of holders, or -1 for an exclusive one. */
  readonly #holders = new Map<string, number>();

  async holding(name: string, mode: LockMode, body: () => Promise<void>): Promise<void> {
    const before = this.#holders.get(name) ?? 0;
    if (before < 0 || (mode === 'exclusive' && before > 0)) return;
    this.#holders.set(name, mode === 'shared' ? before + 1 : -1);
    try {
      await body();
    } finally {
      this.#holders.set(name, Math.max(0, (this.#holders.get(name) ?? 0) - 1));
    }
  }

  /** It would stop the others too. */
  afterSearch(): void {}

  keepImage(versionUid: string, image: Image): void {
    this.#images.set(versionUid, image);
  }

  imageOf(versionUid: string): Image {
    return this.#images.get(versionUid) ?? new Map();
  }

  store(blobUid: string, content: number): void {
    this.#blobs.set(blobUid, content);
  }

  contentOf(blobUid: string): number | undefined {
    return this.#blobs.get(blobUid);
  }

  delete(blobUid: string): boolean {
    return this.#blobs.delete(blobUid);
  }

  count(event: Event, times = 1): void {
    this.counts[event] += times;
  }
}
