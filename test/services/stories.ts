import { isTurn } from '../support/rotation.ts';

/**
 * What the program does with Ceph images, from the command to the cluster and back: these take turns. Sources and targets as such
 * (rbd-io), what a crash of librbd has to do with (rbd-opens) and calls that fail (rbd-failures) are tested in every run. Dearest first.
 */
const RBD_STORIES = [
  'rbd-auto',
  'rbd-backup',
  'rbd-stops',
  'rbd-auto-stops',
  'rbd-script',
  'rbd-changes',
  'rbd-clones',
  'nbd-boot',
];

/** How many runs cover them all. */
export const STORY_SHARDS = 3;

/** Test files of the stories whose turn it is not. */
export const STORIES_AT_REST = RBD_STORIES.filter((_, index) => !isTurn(index, STORY_SHARDS)).map(
  (name) => `test/services/${name}.test.ts`,
);
