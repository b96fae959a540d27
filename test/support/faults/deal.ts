import { createHash } from 'node:crypto';
import { seededRandom } from '../images/random.ts';
import { isTurnOf, ROTATION } from '../runner/rotation.ts';

/** Which points a run covers, and in which order. */
export interface Deal {
  /** Number of shards that all points are dealt to. */
  shards: number;
  /** Draws the order within a shard. */
  seed: number;
  /** The shard of this run: the rotation when absent. */
  counter?: number | 'all';
}

/**
 * The points of this run's shard, in an order that the seed draws. A point's name alone decides on its shard, so that
 * it stays there when other points come or go.
 */
export function deal<T>(points: readonly T[], nameOf: (point: T) => string, { shards, seed, counter = ROTATION }: Deal): T[] {
  const dealt = points.filter((point) => isTurnOf(nameOf(point), shards, counter));
  return inOrder(dealt, nameOf, seed);
}

/** All of the points, in an order that the seed draws. */
export function inOrder<T>(points: readonly T[], nameOf: (point: T) => string, seed: number): T[] {
  return points
    .map((point) => ({ point, at: randomOf(nameOf(point), seed)() }))
    .sort((a, b) => a.at - b.at)
    .map(({ point }) => point);
}

/** Numbers that depend on the seed and a point's name alone: other points that are tried before it change nothing. */
export function randomOf(name: string, seed: number): () => number {
  return seededRandom(createHash('sha256').update(`${seed} ${name}`).digest().readUInt32BE());
}
