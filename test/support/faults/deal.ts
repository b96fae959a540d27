import { createHash } from 'node:crypto';
import { seededRandom } from '../images/random.ts';
import { isTurnOf, ROTATION } from '../runner/rotation.ts';

/** Which points a run covers, and in which order. */
export interface Deal {
  /** Number of shards that all points are dealt to. */
  shards: number;
  /** Determines the order within a shard. */
  seed: number;
  /** The shard of this run; the rotation when absent. */
  counter?: number | 'all';
}

/**
 * The points of this run's shard, shuffled by the seed. Only a point's name decides its shard, so
 * it stays there when other points are added or removed.
 */
export function deal<T>(points: readonly T[], nameOf: (point: T) => string, { shards, seed, counter = ROTATION }: Deal): T[] {
  const dealt = points.filter((point) => isTurnOf(nameOf(point), shards, counter));
  return inOrder(dealt, nameOf, seed);
}

/** All points, shuffled by the seed. */
export function inOrder<T>(points: readonly T[], nameOf: (point: T) => string, seed: number): T[] {
  return points
    .map((point) => ({ point, at: randomOf(nameOf(point), seed)() }))
    .sort((a, b) => a.at - b.at)
    .map(({ point }) => point);
}

/** Random numbers that depend only on the seed and a point's name, not on points tried before. */
export function randomOf(name: string, seed: number): () => number {
  return seededRandom(createHash('sha256').update(`${seed} ${name}`).digest().readUInt32BE());
}
