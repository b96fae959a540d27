import { BackyError } from '../../errors.ts';
import type { SharedTarget } from '../../io/shared.ts';
import type { Bitmap } from '../../model/bitmap.ts';
import type { BlockRow } from '../../model/block.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { compareSample, isComparable, sampleOptions, sampleSize } from '../backup/source-sample.ts';
import { storedBlocks } from '../backup/stored-sample.ts';
import { blockSizeOf } from '../blocks/block-size.ts';
import { withPool } from '../blocks/with-pool.ts';
import type { Context } from '../context.ts';
import { planBackup } from '../plan/backup-plan.ts';
import { holding, lockVersion } from '../versions/locks.ts';
import { checkAge, newestOfSnapshot } from '../versions/snapshot-versions.ts';

/** A version to restore, and the target's snapshot whose changes are asked for. */
interface SnapshotOfTarget {
  version: TaggedVersion;
  snapshot: string;
}

/**
 * Runs `body` with the version that a snapshot of the target was backed up to, locked: the restored
 * one, or the newest valid one of its name.
 */
export async function withKnownVersion<T>(
  { meta, locks }: Context,
  { version, snapshot }: SnapshotOfTarget,
  body: (known: TaggedVersion) => Promise<T>,
): Promise<T> {
  if (version.valid && version.snapshotName === snapshot) return body(version);
  const known = await newestOfSnapshot(meta, version.name, snapshot);
  if (known !== undefined) return holding([() => lockVersion(locks, known.uid, 'shared')], () => body(known));
  throw new BackyError('refused', `There is no valid version of "${version.name}" with snapshot "${snapshot}".`, {
    data: { uid: version.uid },
    hint: `Restore with --delta, which reads the whole target. List versions and their snapshots: backy2 ls ${version.name}`,
  });
}

/** A target, and the version that one of its snapshots was backed up to. */
interface KnownTargetOptions {
  target: SharedTarget;
  /** The target's URL. */
  url: string;
  snapshot: string;
  known: TaggedVersion;
  geometry: Geometry;
}

/** The blocks of a target that have not changed since a snapshot: they need not be read. */
export class KnownTarget {
  readonly #context: Context;
  readonly #known: TaggedVersion;
  readonly #geometry: Geometry;
  readonly #unchanged: Bitmap;
  #page = new Map<number, BlockRow>();

  private constructor(context: Context, { known, geometry }: KnownTargetOptions, unchanged: Bitmap) {
    this.#context = context;
    this.#known = known;
    this.#geometry = geometry;
    this.#unchanged = unchanged;
  }

  /**
   * Asks the cluster for the changes. Reads a sample of the other blocks, since the snapshot may be
   * of another image. Writes nothing.
   * @throws BackyError `hintsMismatch` if a block of the sample differs.
   */
  static async open(context: Context, options: KnownTargetOptions): Promise<KnownTarget> {
    const { target, url, snapshot, known, geometry } = options;
    const blockSize = await blockSizeOf(context.meta, known, geometry.blockSize);
    if (blockSize !== geometry.blockSize) throw otherBlockSize(known);
    if (target.changesSince === undefined) throw new Error(`${url} has no snapshots`);
    const { differences, fromTimeMs } = await target.changesSince(snapshot);
    checkAge(known, snapshot, fromTimeMs);
    context.logger.info(`Reading what has changed since snapshot ${snapshot}, which version ${known.uid} was made of.`);
    // Holes are read as well: where a clone's object is deleted, the parent's data may show.
    const { take } = planBackup({ ...geometry, hints: differences, baseSizeBytes: known.sizeBytes });
    await checkSample(context, options, take);
    return new KnownTarget(context, options, take);
  }

  /** Loads the known version's rows for a page of rows. */
  async load(page: readonly BlockRow[]): Promise<void> {
    const [first] = page;
    const rows = first === undefined ? [] : await this.#context.meta.blockPage(this.#known.uid, first.id - 1, page.length);
    this.#page = new Map(rows.map((row) => [row.id, row]));
  }

  /** Compares a row of the page with the target's block. Undefined: that has to be read. */
  isEqual(row: BlockRow): boolean | undefined {
    const known = this.#page.get(row.id);
    if (known === undefined || !this.#unchanged.has(row.id)) return undefined;
    if (!isComparable(known, this.#geometry) || row.size !== known.size) return undefined;
    // A damaged row: without a checksum, it says nothing of its data.
    if (known.uid !== null && known.checksum === null) return undefined;
    return (row.uid === null) === (known.uid === null) && row.checksum === known.checksum;
  }
}

async function checkSample(context: Context, options: KnownTargetOptions, unchanged: Bitmap): Promise<void> {
  const { target, url, snapshot, known, geometry } = options;
  const blocks = sampleSize(unchanged.count(), context.settings.hintCheckPercent);
  await withPool(context, { geometry, source: target, blocks }, async (pool) => {
    const sample = { ...sampleOptions(context, pool, geometry), meta: context.meta };
    await compareSample(
      sample,
      storedBlocks(sample, known.uid, unchanged),
      ({ id, offset }) =>
        new BackyError(
          'hintsMismatch',
          `Target ${url} differs from version ${known.uid} where nothing has changed since snapshot "${snapshot}": block ${id}, offset ${offset}.`,
          {
            data: { block: id },
            hint: 'The snapshot seems to be of another image. Nothing was written. Restore with --delta, which reads the whole target.',
          },
        ),
    );
    context.signal.throwIfAborted();
  });
}

function otherBlockSize({ uid }: TaggedVersion): BackyError {
  return new BackyError('refused', `Version ${uid} of the snapshot has another block size.`, {
    data: { uid },
    hint: 'Restore with --delta, which reads the whole target.',
  });
}
