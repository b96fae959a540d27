import { rmSync } from 'node:fs';
import { hasRecordings } from './location.ts';
import { configFor, OLD_RELEASES, placeOldStore } from './old-release.ts';
import { readRecording } from './recording.ts';
import { replay } from './replay.ts';
import type { World } from './world.ts';

const RECORDING = '24-old-schemas';
const IMPORTED = 'i.sqlite';

replay({
  recording: RECORDING,
  initdb: false,
  setup(world) {
    if (!hasRecordings) return;
    for (const old of OLD_RELEASES) placeOldStore(world, readRecording(RECORDING), old);
  },
  before: Object.fromEntries(
    OLD_RELEASES.map(({ imports, release }) => [imports, (world: World) => emptyDatabase(world, release)]),
  ),
  database: () => IMPORTED,
  // All dates come from the stores.
  clock: () => new Date('2026-11-23T05:00:00Z'),
});

/** Each release's exports go into a database of their own, over its blobs. */
async function emptyDatabase(world: World, release: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) rmSync(world.path(`${IMPORTED}${suffix}`), { force: true });
  world.config('i.cfg', (text) => configFor(text, IMPORTED, release));
  const { rc, stderr } = await world.run(['-c', 'i.cfg', 'initdb']);
  if (rc !== 0) throw new Error(`initdb ended with ${rc}: ${stderr}`);
}
