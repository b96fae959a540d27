import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';

/**
 * Some tests take turns: each run covers one shard of them, the next commit covers the next shard, and N runs in a row cover all.
 * The number of commits is the counter; without history it stays at 0. BACKY_TEST_ROTATION sets it, `all` covers every shard.
 */
export const ROTATION: number | 'all' = rotation(process.env.BACKY_TEST_ROTATION);

function rotation(given: string | undefined): number | 'all' {
  if (given === 'all') return given;
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  const { stdout } = spawnSync('git', ['rev-list', '--count', 'HEAD'], { encoding: 'utf8' });
  return Number(stdout?.trim() || 0);
}

/** Whether the item at `index`, of those that are dealt to `shards` shards in turn, belongs to this run. */
export function isTurn(index: number, shards: number, counter: number | 'all' = ROTATION): boolean {
  return counter === 'all' || index % shards === counter % shards;
}

/** The same for an item that has a name and no place in a list. */
export function isTurnOf(name: string, shards: number, counter: number | 'all' = ROTATION): boolean {
  return isTurn(createHash('sha256').update(name).digest().readUInt32BE(), shards, counter);
}

/** For titles and summaries: `shard 3 of 8`. */
export function shardText(shards: number, counter: number | 'all' = ROTATION): string {
  return counter === 'all' ? `all ${shards} shards` : `shard ${(counter % shards) + 1} of ${shards}`;
}
