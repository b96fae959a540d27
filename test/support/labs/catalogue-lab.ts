import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { backup } from '../../../src/core/backup/backup.ts';
import type { BackupRequest } from '../../../src/core/backup/request.ts';
import { flushCatalogue } from '../../../src/core/catalogue/flush.ts';
import type { Context } from '../../../src/core/context.ts';
import type { LeafRow } from '../../../src/data/catalogue/types.ts';
import type { MetaStore } from '../../../src/meta/meta-store.ts';
import type { Layout } from '../../../src/model/layout.ts';
import { noise } from '../images/random.ts';
import { BLOCK_SIZE, CoreLab } from './core-lab.ts';
import { readCatalogue, type StoredVersion } from './read-catalogue.ts';

/** Blocks of an image of four leaves, the last of which is shorter. */
const IMAGE_BLOCKS = 1700;

/** A backup of an image of the lab. */
interface LabBackup extends Partial<BackupRequest> {
  /** Mixed into the bytes of its blocks. */
  content?: string;
  /** Blocks of the image. */
  size?: number;
  context?: Context;
}

/** A store with a catalogue. Its backups run on the test's own thread: they read a few blocks. */
export class CatalogueLab {
  readonly core: CoreLab;
  /** Warnings of commands. */
  readonly warnings: string[] = [];
  readonly context: Context;

  private constructor(core: CoreLab, changes: Partial<Context['settings']>) {
    this.core = core;
    const logger = { ...core.context.logger, warning: (line: string) => void this.warnings.push(line) };
    this.context = { ...core.context, logger, settings: { ...core.context.settings, workers: undefined, ...changes } };
  }

  static async create(layout?: Layout, settings: Partial<Context['settings']> = {}): Promise<CatalogueLab> {
    return new CatalogueLab(await CoreLab.create(layout), settings);
  }

  /**
   * Backs an image up that has data in these blocks, and zeros elsewhere; with a base, the base's
   * blocks. @returns the uid.
   */
  async backup(blocks: readonly number[], { content = 'x', size = IMAGE_BLOCKS, ...request }: LabBackup = {}): Promise<string> {
    const image = Buffer.alloc(size * BLOCK_SIZE);
    for (const block of blocks) noise(BLOCK_SIZE, `${content} ${block}`).copy(image, block * BLOCK_SIZE);
    const hints = blocks.map((block) => ({ offset: block * BLOCK_SIZE, length: BLOCK_SIZE, exists: true }));
    const growth = size - IMAGE_BLOCKS;
    if (growth > 0) hints.push({ offset: IMAGE_BLOCKS * BLOCK_SIZE, length: growth * BLOCK_SIZE, exists: false });
    // The other blocks of a base are of no interest here: a sample of them would differ.
    const onlyHinted = request.baseUid !== undefined;
    const source = this.core.source(image, `image ${content}`);
    const { context = this.context, ...rest } = request;
    const { uid } = await backup(context, { source, name: 'vm', hints, onlyHinted, ...rest });
    return uid;
  }

  /** A context whose store has other methods. */
  withMeta(methods: Partial<MetaStore>): Context {
    const descriptors = Object.fromEntries(Object.entries(methods).map(([name, value]) => [name, { value }]));
    return { ...this.context, meta: Object.create(this.core.meta, descriptors) as MetaStore };
  }

  /** The only version that is not valid. */
  async unfinished(): Promise<string> {
    const [version] = (await this.core.meta.listVersions({})).filter(({ valid }) => !valid);
    if (version === undefined) throw new Error('all versions are valid');
    return version.uid;
  }

  flush(context = this.context): Promise<void> {
    return flushCatalogue(context);
  }

  /** Versions as the store alone tells them. */
  stored(): Promise<Map<string, StoredVersion>> {
    return readCatalogue(this.core.dataPath, this.context.settings.encryption.key);
  }

  /** The same of one version. */
  async storedVersion(uid: string): Promise<StoredVersion> {
    const version = (await this.stored()).get(uid);
    if (version === undefined) throw new Error(`the catalogue has no version ${uid}`);
    return version;
  }

  /** The rows of a version in the database. */
  rows(uid: string): Promise<LeafRow[]> {
    return this.core.meta.blockPage(uid, -1, 2 * IMAGE_BLOCKS);
  }

  /** Names of objects below a part of the catalogue, sorted. */
  objects(part: 'versions' | 'lists' | 'leaves' | 'removed'): string[] {
    const folder = join(this.core.dataPath, 'backy2-catalogue', part);
    if (!existsSync(folder)) return [];
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
    return entries.flatMap((entry) => (entry.isFile() ? entry.name : [])).sort();
  }

  dispose(): Promise<void> {
    return this.core.dispose();
  }
}
