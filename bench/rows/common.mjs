import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The goal of `-ms ls`: at most 150 ms, on a machine where an empty Node program takes 70. */
export const MOST_OF_NODE = 2.15;

/** @param {number} bytes @param {number} seconds */
export function mbPerSecond(bytes, seconds) {
  return bytes / seconds / 1e6;
}

/**
 * Seconds between a backup's first read and its last commit.
 * @param {import('../lib/program.mjs').Outcome} outcome
 */
export function dataSeconds({ result }) {
  return Number(result.data_seconds ?? Number.NaN);
}

/** @param {import('../lib/program.mjs').Outcome} outcome */
export function uidOf({ result }) {
  return String(result.uid);
}

/** Creates the database. @param {import('../lib/program.mjs').Program} program */
export async function initialized(program) {
  await program.run('initdb');
  return program;
}

/** Paths of all blobs below a file backend's folder. @param {string} folder */
export function blobsIn(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.blob'))
    .map((path) => join(folder, path));
}
