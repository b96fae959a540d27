import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { toRow } from '../lib/rounds.mjs';

/** The goal of `-ms ls`: at most 150 ms, on a machine where an empty Node program takes 70. */
export const MOST_OF_NODE = 2.15;

/** @param {number} bytes @param {number} seconds */
export function mbPerSecond(bytes, seconds) {
  return bytes / seconds / 1e6;
}

/** A size in words, for rows: whole GiB or MiB. @param {number} bytes */
export function sizeOf(bytes) {
  const gib = bytes / 1024 ** 3;
  return gib >= 1 ? `${gib} GiB` : `${gib * 1024} MiB`;
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

/**
 * Whether a command of the program has an option.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {string} command
 * @param {string} option
 */
export function hasOption({ program }, command, option) {
  return spawnSync(program, [command, '--help'], { encoding: 'utf8' }).stdout.includes(`${option} `);
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

/**
 * The longest of some times, measured one after the other: a limit that has several parts.
 * @param {(() => Promise<number>)[]} parts
 */
export async function slowest(...parts) {
  let seconds = 0;
  for (const part of parts) seconds = Math.max(seconds, await part());
  return seconds;
}

/**
 * A row of speeds, from the seconds of each round. It begins with the size.
 * @param {{ name: string, what: string, atLeast?: number }} row
 * @param {number} bytes
 * @param {{ ours: Record<string, number>, limit: Record<string, number> }[]} rounds
 */
export function throughput(row, bytes, rounds) {
  const speed = (/** @type {Record<string, number>} */ { seconds }) => mbPerSecond(bytes, seconds ?? Number.NaN);
  return toRow(
    { ...row, what: `${sizeOf(bytes)} ${row.what}`, unit: 'MB/s' },
    rounds.map(({ ours, limit }) => ({ ours: speed(ours), limit: speed(limit) })),
  );
}
