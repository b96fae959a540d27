import { declareSweep } from '../../support/faults/declare-sweep.ts';
import { isServer } from '../../support/faults/fault-layer.ts';
import { shardText } from '../../support/runner/rotation.ts';

/** A shard has some dozens of the faults. */
const SHARDS = 324;

await declareSweep({
  title: `$name, on PostgreSQL and S3, leaves a sound store that needs no repair, after each fault of a connection of ${shardText(SHARDS)}`,
  // No flips: TCP's checksums guard against bytes changed by a network.
  shards: { errno: SHARDS, short: SHARDS, hang: SHARDS, kill: SHARDS },
  runs: SHARDS,
  // They are about SQLite files by their nature.
  without: ['upgrade', 'initdb'],
  isSwept: isServer,
});
