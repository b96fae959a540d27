import type { Context } from '../context.ts';
import { isExpired, type KeepReason } from './removal-rule.ts';
import { type RemovalRequest, type Retention, removeUnwanted } from './remove-unwanted.ts';
import type { RemovalResult } from './remove-version.ts';

/** Which expired versions to remove. */
export type ExpiredRequest = RemovalRequest<RemovalResult>;

/** Outcome of {@link removeExpired}. */
export interface ExpiredResult {
  dryRun: boolean;
  removed: RemovalResult[];
  /** Expired, but kept. */
  kept: { uid: string; name: string; reason: KeepReason }[];
}

const EXPIRED: Retention = {
  ...{ command: 'rm --expired', adjective: 'expired', logsDryRun: true },
  unwanted: (_, now) => (version) => (isExpired(version, now) ? 'expired' : undefined),
};

/**
 * Removes expired versions, except those that the rule of removal keeps. Versions that another
 * command uses or removes meanwhile are passed over.
 * @throws BackyError `notFound` for a name without versions, `refused` if the clock looks wrong.
 */
export async function removeExpired(context: Context, { onRemoved, ...request }: ExpiredRequest): Promise<ExpiredResult> {
  const { dryRun, removed, kept } = await removeUnwanted(
    context,
    { ...request, onRemoved: (one) => onRemoved?.(plain(one)) },
    EXPIRED,
  );
  return { dryRun, removed: removed.map(plain), kept: kept.map(({ uid, name, reason }) => ({ uid, name, reason })) };
}

function plain({ uid, name, blocks }: RemovalResult): RemovalResult {
  return { uid, name, blocks };
}
