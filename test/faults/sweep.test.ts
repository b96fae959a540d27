import { declareSweep } from '../support/faults/declare-sweep.ts';
import { shardText } from '../support/runner/rotation.ts';

/** A shard has about 300 faults and 190 power losses. */
const SHARDS = 96;

await declareSweep({
  title: `$name leaves a sound store that needs no repair, after each fault and power loss of ${shardText(SHARDS)}`,
  // In every other round of its shards, the main thread moves the blocks.
  runs: 2 * SHARDS,
  shards: { errno: SHARDS, short: SHARDS, hang: SHARDS, flip: SHARDS, kill: SHARDS, power: SHARDS },
});
