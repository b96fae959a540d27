import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';

/**
 * Counter for tests that take turns: a run covers one of N shards, a run at the next commit the
 * next one. The counter is the number of commits; without history it stays at 0.
 * BACKY_TEST_ROTATION sets it, `all` covers every shard.
 */
export const ROTATION: number | 'all' = rotation(process.env.BACKY_TEST_ROTATION);

function rotation(given: string | undefined): number | 'all' {
  if (given === 'all') return given;
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  // Accept any owner of the checkout: git runs no code of it.
  const words = ['-c', 'safe.directory=*', 'rev-list', '--count', 'HEAD'];
  const { status, stdout } = spawnSync('git', words, { encoding: 'utf8' });
  return status === 0 ? Number(stdout) : 0;
}

/**
 * Tests of resident kinds that call the program in a real process: each run has others, and this
 * many runs cover all.
 */
export const REAL_SHARDS = 3;

/** The number of shards of this file's tests, if any were dealt. */
let dealtTo: number | undefined;

/**
 * The shard of this file's tests, for example `2/8`; undefined if none of them takes turns. Resets
 * it for the next file.
 */
export function usedShard(): string | undefined {
  const shards = dealtTo;
  dealtTo = undefined;
  if (shards === undefined) return undefined;
  return ROTATION === 'all' ? `all of ${shards}` : `${(ROTATION % shards) + 1}/${shards}`;
}

/**
 * Whether the item at `index` belongs to this run, when items are dealt to `shards` shards in turn.
 */
export function isTurn(index: number, shards: number, counter: number | 'all' = ROTATION): boolean {
  if (counter === ROTATION && shards > 1) dealtTo = Math.max(dealtTo ?? 0, shards);
  return counter === 'all' || index % shards === counter % shards;
}

/**
 * Whether a test takes its turn in another way of doing the same. This does not change the coverage
 * of the run.
 */
export function takesTurn(name: string, shards: number): boolean {
  return ROTATION === 'all' || numberOf(name) % shards === ROTATION % shards;
}

/** The same for an item that has a name and no position in a list. */
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
