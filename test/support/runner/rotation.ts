import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';

/**
 * Some tests take turns: a run covers one of N shards, a run at the next commit the next one. The number of commits is the counter;
 * without history it stays at 0. BACKY_TEST_ROTATION sets it, `all` covers every shard.
 */
export const ROTATION: number | 'all' = rotation(process.env.BACKY_TEST_ROTATION);

function rotation(given: string | undefined): number | 'all' {
  if (given === 'all') return given;
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  // Any owner of the checkout will do: git runs nothing of it.
  const words = ['-c', 'safe.directory=*', 'rev-list', '--count', 'HEAD'];
  const { status, stdout } = spawnSync('git', words, { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : 0;
}

/** Tests of resident kinds that call the program as users do: each run has others, after as many runs all have. */
export const REAL_SHARDS = 3;

/** Into how many shards the tests of this file are dealt, as far as they have asked. */
let dealtTo: number | undefined;

/** The shard of this file's tests, `2/8` for example; undefined when none of them takes turns. Forgets it for the next file. */
export function usedShard(): string | undefined {
  const shards = dealtTo;
  dealtTo = undefined;
  if (shards === undefined) return undefined;
  return ROTATION === 'all' ? `all of ${shards}` : `${(ROTATION % shards) + 1}/${shards}`;
}

/** Whether the item at `index`, of those that are dealt to `shards` shards in turn, belongs to this run. */
export function isTurn(index: number, shards: number, counter: number | 'all' = ROTATION): boolean {
  if (counter === ROTATION && shards > 1) dealtTo = Math.max(dealtTo ?? 0, shards);
  return counter === 'all' || index % shards === counter % shards;
}

/** Whether a test takes its turn in another way of doing the same: that changes nothing of what the run covers. */
export function takesTurn(name: string, shards: number): boolean {
  return ROTATION === 'all' || numberOf(name) % shards === ROTATION % shards;
}

/** The same for an item that has a name and no place in a list. */
export function isTurnOf(name: string, shards: number, counter: number | 'all' = ROTATION): boolean {
  return isTurn(numberOf(name), shards, counter);
}

function numberOf(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE();
}

/** For titles and summaries: `shard 3 of 8`. */
export function shardText(shards: number, counter: number | 'all' = ROTATION): string {
  return counter === 'all' ? `all ${shards} shards` : `shard ${(counter % shards) + 1} of ${shards}`;
}
