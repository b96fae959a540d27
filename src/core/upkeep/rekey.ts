import { checkEncVersion } from '../../data/codec/codec-for.ts';
import { masterKeyOf, unwrapKey, wrapKey } from '../../data/codec/key-wrap.ts';
import { BackyError } from '../../errors.ts';
import type { SealedRow } from '../../model/blob.ts';
import { fitsAny } from '../blocks/encryption-key.ts';
import { rekeyingCatalogue } from '../catalogue/rekey-catalogue.ts';
import type { Context } from '../context.ts';
import { progressLog } from '../progress-log.ts';
import { holdingInstallation, refuseOtherInstances } from '../versions/locks.ts';

/** Blocks that the old key is tried on first. */
const SAMPLE = 16;
/** Wrapped keys to remember, since rows of a shared block have the same one: 25 MiB. */
const MAX_REMEMBERED_KEYS = 100_000;

/** Outcome of a rekey. */
export interface RekeyResult {
  /** Blocks whose data key was wrapped with the configured master key. */
  blocksRekeyed: number;
  blocksSparse: number;
  /** Blocks that are not encrypted. */
  blocksPlain: number;
  /** Invalid blocks that were left unchanged, since the old key does not unwrap their data key. */
  blocksLeft: number;
  seconds: number;
}

/**
 * Wraps the data keys of all encrypted blocks with the configured master key instead of `oldKey`
 * (64 hex digits), in one transaction. Blobs do not change. Takes about 20 µs per block. Fails with
 * nothing changed if the old key does not unwrap the data key of a valid block.
 */
export async function rekey(context: Context, oldKey: string): Promise<RekeyResult> {
  const { meta, logger } = context;
  const start = performance.now();
  const newKey = configuredKey(context);
  return holdingInstallation(context.locks, async () => {
    refuseOtherInstances(context.otherInstances());
    const sample = await meta.sampleSealedBlocks(SAMPLE);
    if (sample.length > 0 && !fitsAny(oldKey, sample)) throw wrongOldKey(fitsAny(newKey, sample));
    const onProgress = progressLog(context, (done, total, percent) => `Rekeying: ${done} of ${total} blocks (${percent}%).`);
    const counts = await rekeyingCatalogue(context, oldKey, () =>
      meta.rewrapKeys({ rewrap: rewrapper(oldKey, newKey), onProgress }),
    );
    if (counts.left > 0)
      logger.warning(`${counts.left} invalid blocks were left unchanged: the old key does not unwrap their data keys.`);
    logger.info(
      `Rekeying successful: ${counts.rewrapped} rekeyed, ${counts.sparse} sparse/ignored, ${counts.plain} unable to rekey (wrong encryption version).`,
    );
    return {
      blocksRekeyed: counts.rewrapped,
      blocksSparse: counts.sparse,
      blocksPlain: counts.plain,
      blocksLeft: counts.left,
      seconds: (performance.now() - start) / 1000,
    };
  });
}

function configuredKey({ settings }: Context): string {
  const { key } = settings.encryption;
  if (key !== undefined) return key;
  throw new BackyError('encryption', 'There is no encryption_key to rekey to.', {
    hint: 'Set encryption_key in section DEFAULTS to the new key: 64 hex digits, as "openssl rand -hex 32" prints them.',
  });
}

/**
 * Returns a function that wraps a block's data key again. Its result is undefined for a block to
 * leave unchanged.
 */
function rewrapper(oldKey: string, newKey: string): (block: SealedRow) => string | undefined {
  const [from, to] = [masterKeyOf(oldKey), masterKeyOf(newKey)];
  const known = new Map<string, string>();
  return (block) => {
    checkEncVersion(block.encVersion, newKey);
    const remembered = known.get(block.envKey);
    if (remembered !== undefined) return remembered;
    const dataKey = unwrapKey(from, block.envKey);
    if (dataKey === undefined) {
      if (!block.valid) return undefined;
      throw new BackyError(
        'encryption',
        `The old key does not unwrap the key of block ${block.id} of version ${block.versionUid}. Nothing was changed.`,
        { hint: `If that block is damaged, scrub its version with the old key first: backy2 scrub ${block.versionUid}` },
      );
    }
    const wrapped = wrapKey(to, dataKey);
    if (known.size >= MAX_REMEMBERED_KEYS) known.clear();
    known.set(block.envKey, wrapped);
    return wrapped;
  };
}

function wrongOldKey(isRekeyed: boolean): BackyError {
  return new BackyError('encryption', 'The old key is not the one that this database was encrypted with. Nothing was changed.', {
    hint: isRekeyed
      ? 'It was encrypted with the configured encryption_key: there is nothing to rekey.'
      : 'Give the previous value of encryption_key, and configure the new one.',
  });
}
