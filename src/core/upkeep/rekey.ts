import { checkEncVersion } from '../../data/codec/codec-for.ts';
import { masterKeyOf, unwrapKey, wrapKey } from '../../data/codec/key-wrap.ts';
import { BackyError } from '../../errors.ts';
import type { SealedRow } from '../../model/blob.ts';
import { fitsAny } from '../blocks/encryption-key.ts';
import type { Context } from '../context.ts';
import { holdingInstallation, refuseOtherInstances } from '../versions/locks.ts';

const PROGRESS_EVERY_MS = 5_000;
const SAMPLE = 16;
/** Copies of a block in other versions have the same wrapped key: so many are remembered, 25 MiB. */
const REMEMBERED_KEYS = 100_000;

/** What a rekey did. */
export interface RekeyResult {
  /** Blocks whose key is wrapped with the configured master key now. */
  blocksRekeyed: number;
  blocksSparse: number;
  /** Blocks that are not encrypted. */
  blocksPlain: number;
  /** Blocks that are marked invalid and whose key the old one does not unwrap: as they were. */
  blocksLeft: number;
  seconds: number;
}

/**
 * Wraps the data keys of all encrypted blocks with the configured master key instead of `oldKey` (64 hex digits), in one transaction.
 * Blobs stay as they are. About 20 µs a block. A key that does not unwrap, and whose block is not known to be bad, ends it with nothing changed.
 */
export async function rekey(context: Context, oldKey: string): Promise<RekeyResult> {
  const { meta, logger, signal, settings } = context;
  const start = performance.now();
  const newKey = settings.encryption.key;
  if (newKey === undefined) {
    throw new BackyError('encryption', 'There is no encryption_key to rekey to.', {
      hint: 'Set encryption_key in section DEFAULTS to the new key: 64 hex digits, as "openssl rand -hex 32" prints them.',
    });
  }
  return holdingInstallation(context.locks, async () => {
    refuseOtherInstances(context.otherInstances());
    const sample = await meta.sampleSealedBlocks(SAMPLE);
    if (sample.length > 0 && !fitsAny(oldKey, sample)) throw wrongOldKey(fitsAny(newKey, sample));
    let shownAt = performance.now();
    const counts = await meta.rewrapKeys({
      rewrap: rewrapper(oldKey, newKey),
      onProgress: (done, total) => {
        signal.throwIfAborted();
        if (performance.now() - shownAt < PROGRESS_EVERY_MS) return;
        shownAt = performance.now();
        logger.info(`Rekeying: ${done} of ${total} blocks (${Math.floor((done / Math.max(1, total)) * 100)}%).`);
      },
    });
    if (counts.left > 0)
      logger.warning(`${counts.left} blocks that are marked invalid were left as they are: the old key does not unwrap theirs.`);
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
    if (known.size >= REMEMBERED_KEYS) known.clear();
    known.set(block.envKey, wrapped);
    return wrapped;
  };
}

function wrongOldKey(isDone: boolean): BackyError {
  return new BackyError('encryption', 'The old key is not the one that this database was encrypted with. Nothing was changed.', {
    hint: isDone
      ? 'The configured encryption_key is: there is nothing to rekey.'
      : 'Give the key that encryption_key was until now, and configure the new one.',
  });
}
