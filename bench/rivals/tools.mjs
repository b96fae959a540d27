import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Program } from '../lib/program.mjs';

/**
 * A backup tool with a repository in a folder of its own. `create` has the command for an empty
 * repository, and `command` those that are measured, each with its defaults. `isReady` is called
 * after the first backup.
 * @typedef {'first' | 'again' | 'check' | 'restore'} Step
 * @typedef {{ name: string, folder: string, env: Record<string, string>, create: () => string[],
 *   command: (step: Step) => string[], isReady?: () => void }} Tool
 * @typedef {{ workspace: import('../lib/workspace.mjs').Workspace, source: string, into: string }}
 *   Job `into`: the folder for restored files, in which restores run.
 */

/** All tools that are installed; stderr says which are not. @param {Job} job @returns {Tool[]} */
export function installedTools(job) {
  const program = [job.workspace.program];
  const original = process.env.BACKY2_ORIGINAL?.split(' ').filter((word) => word !== '') ?? [];
  const tools = [backy(job, 'ours', program), backy(job, 'ours, encrypted', program, true)];
  if (isInstalled('borg', ['--version'])) tools.push(borg(job));
  if (isInstalled('restic', ['version'])) tools.push(restic(job));
  if (original.length > 0) tools.push(backy(job, 'the original', original));
  else process.stderr.write('rivals: the original not measured: BACKY2_ORIGINAL is not set\n');
  return tools;
}

/** @param {string} command @param {string[]} words */
function isInstalled(command, words) {
  const isHere = spawnSync(command, words).status === 0;
  if (!isHere) process.stderr.write(`rivals: ${command} not measured: it is not installed\n`);
  return isHere;
}

/**
 * This program, or the original.
 * @param {Job} job
 * @param {string} name
 * @param {string[]} program
 * @param {boolean} [encrypted]
 * @returns {Tool}
 */
function backy({ workspace, source, into }, name, program, encrypted = false) {
  const folder = folderOf(workspace, name);
  let uid = '';
  const call = (/** @type {string[]} */ ...words) => [...program, '-c', join(folder, 'backy.cfg'), ...words];
  const commands = {
    first: () => call('backup', `file://${source}`, 'first'),
    again: () => call('backup', `file://${source}`, 'again'),
    check: () => call('scrub', uid),
    restore: () => call('restore', uid, `file://${join(into, 'restored')}`),
  };
  return {
    name,
    folder,
    env: {},
    create() {
      new Program(workspace, { folder, blobs: join(folder, 'blobs'), encrypted, workers: 'default' });
      return call('initdb');
    },
    command: (step) => commands[step](),
    isReady() {
      const [command = '', ...words] = call('-ms', 'ls', '-f', 'uid');
      uid = spawnSync(command, words, { encoding: 'utf8' }).stdout.trim();
    },
  };
}

/**
 * Not encrypted. The files cache would pass over an unchanged file, but a device has to be read.
 * @param {Job} job
 * @returns {Tool}
 */
function borg({ workspace, source }) {
  const folder = folderOf(workspace, 'borg');
  const repository = join(folder, 'repository');
  let archive = 0;
  const commands = {
    first: () => ['create', `${repository}::first`, source],
    again: () => ['create', '--files-cache=disabled', `${repository}::again${archive++}`, source],
    check: () => ['check', '--verify-data', repository],
    restore: () => ['extract', `${repository}::first`],
  };
  return {
    name: versionOf('borg', '--version'),
    folder,
    env: { BORG_BASE_DIR: join(folder, 'home'), BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' },
    create: () => ['borg', 'init', '--encryption=none', repository],
    command: (step) => ['borg', ...commands[step]()],
  };
}

/** Always encrypted. `--force`: see {@link borg}. @param {Job} job @returns {Tool} */
function restic({ workspace, source, into }) {
  const folder = folderOf(workspace, 'restic');
  const commands = {
    first: ['backup', source],
    again: ['backup', '--force', source],
    check: ['check', '--read-data'],
    restore: ['restore', 'latest', '--target', into],
  };
  return {
    name: versionOf('restic', 'version'),
    folder,
    env: {
      RESTIC_REPOSITORY: join(folder, 'repository'),
      RESTIC_CACHE_DIR: join(folder, 'cache'),
      RESTIC_PASSWORD: 'decafbad',
    },
    create: () => ['restic', 'init'],
    command: (step) => ['restic', ...commands[step]],
  };
}

/** Name and number. @param {string} command @param {string} word */
function versionOf(command, word) {
  return spawnSync(command, [word], { encoding: 'utf8' }).stdout.split(' ').slice(0, 2).join(' ').trim();
}

/** @param {import('../lib/workspace.mjs').Workspace} workspace @param {string} name */
function folderOf(workspace, name) {
  return workspace.folder('disk', `rival ${name}`.replace(/\W+/g, '-'));
}
