import { isTurn } from '../support/runner/rotation.ts';

/** Run only tests that take turns, of one more shard (.ci/shards). */
export const MORE_SHARDS = process.env.BACKY_TEST_MORE_SHARDS !== undefined;

/**
 * Stories of Ceph images, from the command to the cluster and back: these take turns. Every run
 * includes sources and targets (rbd-io), crashes of librbd (rbd-opens) and failing calls
 * (rbd-failures). Most expensive first.
 */
const RBD_STORIES = ['rbd-auto', 'rbd-stops', 'rbd-auto-stops', 'rbd-script', 'rbd-changes', 'nbd-boot'];

/** Each of these takes a third of its stories in every run. */
const DIVIDED = ['rbd-backup', 'rbd-clones', 'rbd-delta'];

/** Number of runs that cover them all. */
export const STORY_SHARDS = 3;

const pathOf = (name: string) => `test/services/${name}.test.ts`;
const inTurn = RBD_STORIES.filter((_, index) => isTurn(index, STORY_SHARDS));

/** Test files of project `services`. */
export const SERVICE_FILES = {
  include: MORE_SHARDS ? [...inTurn, ...DIVIDED].map(pathOf) : ['test/services/*.test.ts'],
  exclude: RBD_STORIES.filter((name) => !inTurn.includes(name)).map(pathOf),
};
