import { rmSync } from 'node:fs';
import { forget } from '../lib/page-cache.mjs';
import { Program } from '../lib/program.mjs';
import { blobsIn, initialized, uidOf } from './common.mjs';

/**
 * A backup of the source, and where its blobs are.
 * @typedef {{ name: string, program: Program, uid: string, folder: string, blobs: string[] }} Stored
 */

/** @type {Map<string, Promise<Stored>>} */
const made = new Map();

/**
 * A backup of the source with its blobs in memory or on the disk, made once for all rows that read.
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {'memory' | 'disk'} where
 * @param {{ encrypted?: boolean }} [options]
 * @returns {Promise<Stored>}
 */
export function storedBackup(workspace, where, { encrypted = false } = {}) {
  const name = encrypted ? 'stored-sealed' : 'stored';
  const key = `${name} ${where}`;
  const stored = made.get(key) ?? make(workspace, where, { name, encrypted });
  made.set(key, stored);
  return stored;
}

/**
 * @param {import('../lib/workspace.mjs').Workspace} workspace
 * @param {'memory' | 'disk'} where
 * @param {{ name: string, encrypted: boolean }} options
 */
async function make(workspace, where, { name, encrypted }) {
  const home = workspace.folder(where, name);
  const folder = `${home}/blobs`;
  const program = await initialized(new Program(workspace, { folder: home, blobs: folder, encrypted }));
  const uid = uidOf(await program.run('backup', `file://${workspace.source()}`, 'bench'));
  return { name: `${name} ${where === 'disk' ? 'on disk' : 'in memory'}`, program, uid, folder, blobs: blobsIn(folder) };
}

/** Scrubs the version, with blobs that are not in the page cache. @param {Stored} stored */
export async function scrubCold({ program, uid, folder }) {
  forget(folder);
  const { seconds } = await program.run('scrub', uid);
  return { seconds };
}

/**
 * Restores the version to a new file, from blobs that are not in the page cache.
 * @param {string} target removed afterwards.
 * @param {Stored} stored
 */
export async function restoreTo(target, { program, uid, folder }) {
  forget(folder);
  const { seconds } = await program.run('restore', uid, `file://${target}`);
  rmSync(target);
  return { seconds };
}
