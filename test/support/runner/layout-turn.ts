import { relative } from 'node:path';
import { expect } from 'vitest';
import type { Layout } from '../../../src/model/layout.ts';
import { ON_SERVERS } from '../stores/amount.ts';
import { takesTurn } from './rotation.ts';

/**
 * Test files whose labs have the compact layout in every other run. They look at rows only by
 * `lab.blocks`, `lab.dump` and `lab.candidates`, which read both layouts.
 */
const FILES: readonly string[] = [
  ...['cli/cleanup-refusals', 'cli/clocks', 'cli/damaged-blobs', 'cli/damaged-length', 'cli/lost-database'],
  ...['cli/restore-stream', 'cli/restore-targets', 'cli/stats', 'cli/unknown-version', 'process/broken-imports'],
  ...['process/lost-writes', 'process/nbd-healing', 'process/nbd-readers', 'process/signals', 'process/source-faults'],
  ...['process/stdin', 'process/transfer', 'process/unwritable-store', 'long/concurrency', 'long/images', 'long/kill'],
  ...['long/locks-at-the-store', 'long/mass-damage', 'long/nbd-save', 'long/other-settings', 'long/properties'],
  ...['long/restore-stream', 'long/scrub-oldest', 'long/sizes', 'long/store-identity'],
];

/**
 * The layout of this test file's labs in this run. BACKY_TEST_LAYOUT sets it for all files of the
 * list.
 */
export function layoutOfFile(): Layout {
  const path = expect.getState().testPath ?? '';
  const name = relative('test', path).replace(/\.test\.ts$/, '');
  return FILES.includes(name) ? layoutOf(ON_SERVERS ? `${name} on servers` : name) : 'classic';
}

/** The layout of something that has a name: each in every other run. */
export function layoutOf(name: string): Layout {
  const given = process.env.BACKY_TEST_LAYOUT;
  if (given !== undefined) return given === 'compact' ? 'compact' : 'classic';
  return takesTurn(`compact layout of ${name}`, 2) ? 'compact' : 'classic';
}
