import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * A Node.js that packages or tests use.
 *
 * @typedef {object} Runtime
 * @property {string} folder with bin/node and include/
 * @property {string} version
 */

/**
 * Installs the Node.js that packaging/runtimes/MAJOR pins, unless it is there.
 * @param {number} major
 * @returns {Runtime}
 */
export function installRuntime(major) {
  const pinned = `packaging/runtimes/${major}`;
  const name = `node-linux-${process.arch}`;
  const version = JSON.parse(readFileSync(`${pinned}/package.json`, 'utf8')).optionalDependencies[name];
  if (version === undefined) throw new Error(`There is no Node.js ${major} for ${process.arch}: see ${pinned}/package.json.`);
  const home = `build/runtimes/${version}`;
  const folder = resolve(`${home}/node_modules/${name}`);
  if (!existsSync(`${folder}/bin/node`)) {
    mkdirSync(home, { recursive: true });
    cpSync(pinned, home, { recursive: true });
    run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: home });
  }
  return { folder, version };
}

/**
 * Runs a program to its end, with its output on stderr. A failure throws.
 * @param {string} program
 * @param {readonly string[]} words
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function run(program, words, options = {}) {
  const { status, error } = spawnSync(program, words, { stdio: ['ignore', 2, 2], ...options });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? `exit code ${status}`}`);
}

/**
 * Environment in which programs run on a runtime, and compile for it.
 * @param {Runtime} runtime
 */
export function onRuntime({ folder }) {
  return { ...process.env, PATH: `${folder}/bin:${process.env.PATH}`, npm_config_nodedir: folder };
}
