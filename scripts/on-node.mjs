import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { installModules } from './package/modules.mjs';
import { installRuntime, onRuntime } from './package/runtime.mjs';

// Runs a command on another version of Node.js, in a copy of this checkout that is built for it:
//
//   node scripts/on-node.mjs 22 npx vitest run --project unit
//
// The versions are the folders of packaging/runtimes.

/** Parts that the copy makes itself, or does not need. */
const NOT_COPIED = ['.git', 'build', 'dist', 'man', 'node_modules'];

const [major, ...command] = process.argv.slice(2);
const runtime = installRuntime(Number(major));
const copy = `build/node-${runtime.version}`;
refresh();
// The tests look for it beside their checkout.
const { BACKY_GOLDEN = resolve('../shared/golden') } = process.env;
const env = { ...onRuntime(runtime), BACKY_GOLDEN };
const [program = 'npm', ...words] = command;
process.exitCode = start('npm', ['run', '--silent', 'build']) || start(program, words);

/** Makes the copy equal to this checkout. Its dist/ stays, as the build knows whether it fits. */
function refresh() {
  mkdirSync(copy, { recursive: true });
  for (const name of readdirSync(copy)) if (!NOT_COPIED.includes(name)) rmSync(`${copy}/${name}`, { recursive: true });
  for (const name of readdirSync('.')) if (!NOT_COPIED.includes(name)) cpSync(name, `${copy}/${name}`, { recursive: true });
  linkModules(`${copy}/node_modules`, resolve(installModules(runtime)));
}

/**
 * Fills node_modules of the copy with links to the packages of this checkout, and to the driver
 * that is compiled for the runtime.
 * @param {string} folder @param {string} compiled
 */
function linkModules(folder, compiled) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const name of readdirSync('node_modules').filter((entry) => entry !== '.vite' && entry !== '.vite-temp')) {
    const own = name === 'better-sqlite3';
    symlinkSync(own ? `${compiled}/${name}` : resolve('node_modules', name), `${folder}/${name}`);
  }
}

/** @param {string} name @param {readonly string[]} args @returns {number} its exit code. */
function start(name, args) {
  return spawnSync(name, args, { cwd: copy, env, stdio: 'inherit' }).status ?? 1;
}
