import type { WordSpec } from '../command.ts';

/** The option of commands that stop when a large part of the store is missing. */
export const ACCEPT_DAMAGE: WordSpec = ['--accept-damage', 'treat missing blobs as lost, and continue'];
