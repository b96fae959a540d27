import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileLockService } from '../../../src/locking/file-lock.ts';
import type { LockMode } from '../../../src/locking/lock.ts';
import { type Counts, EVENTS, noCounts, type RaceWorld } from './race-world.ts';
import type { Image } from './store-images.ts';

/** A cleanup waits this long before it judges. */
const SEARCH_MS = 25;

/** A world of several processes: a folder. The program's own locks end with a process. */
export class FolderWorld implements RaceWorld {
  readonly pauseMs = 15;
  readonly #folder: string;
  readonly #locks: FileLockService;

  constructor(folder: string) {
    this.#folder = folder;
    for (const name of ['locks', 'images', 'blobs', 'counts']) mkdirSync(join(folder, name), { recursive: true });
    this.#locks = new FileLockService(join(folder, 'locks'));
  }

  async holding(name: string, mode: LockMode, body: () => Promise<void>): Promise<void> {
    const lock = await this.#locks.tryAcquire(name, mode);
    if (lock === undefined) return;
    try {
      await body();
    } finally {
      await lock.release();
    }
  }

  /** The store takes a function that returns at once. */
  afterSearch(): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SEARCH_MS);
  }

  keepImage(versionUid: string, image: Image): void {
    writeFileSync(join(this.#folder, 'images', versionUid), JSON.stringify([...image]));
  }

  imageOf(versionUid: string): Image {
    return new Map(JSON.parse(readFileSync(join(this.#folder, 'images', versionUid), 'utf8')));
  }

  store(blobUid: string, content: number): void {
    writeFileSync(this.#blob(blobUid), String(content));
  }

  contentOf(blobUid: string): number | undefined {
    return existsSync(this.#blob(blobUid)) ? Number(readFileSync(this.#blob(blobUid), 'utf8')) : undefined;
  }

  delete(blobUid: string): boolean {
    const isThere = existsSync(this.#blob(blobUid));
    rmSync(this.#blob(blobUid), { force: true });
    return isThere;
  }

  /** A byte for each time. */
  count(event: keyof Counts, times = 1): void {
    appendFileSync(join(this.#folder, 'counts', event), '.'.repeat(times));
  }

  /** The sums over all processes. */
  get counts(): Counts {
    const files = new Set(readdirSync(join(this.#folder, 'counts')));
    const counts = noCounts();
    for (const event of EVENTS) if (files.has(event)) counts[event] = readFileSync(join(this.#folder, 'counts', event)).length;
    return counts;
  }

  #blob(uid: string): string {
    return join(this.#folder, 'blobs', uid);
  }
}
