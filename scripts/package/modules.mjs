import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { onRuntime, run } from './runtime.mjs';

/**
 * Installs the packages that are not bundled, and compiles better-sqlite3 for a runtime. The others
 * use Node-API: their binaries fit every version. Takes a minute, so the result is kept.
 * @param {import('./runtime.mjs').Runtime} runtime
 * @returns {string} the folder node_modules.
 */
export function installModules(runtime) {
  const lock = readFileSync('package-lock.json');
  const key = createHash('sha256').update(`${runtime.version} ${process.arch}\n`).update(lock).digest('hex').slice(0, 12);
  const home = `build/modules/${runtime.version}-${key}`;
  const stamp = `${home}/complete`;
  if (existsSync(stamp)) return `${home}/node_modules`;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  writeFileSync(`${home}/package-lock.json`, lock);
  writeFileSync(`${home}/package.json`, JSON.stringify({ ...JSON.parse(readFileSync('package.json', 'utf8')), scripts: {} }));
  const options = { cwd: home, env: { ...onRuntime(runtime), JOBS: 'max', npm_config_build_from_source: 'true' } };
  run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], options);
  run('npm', ['rebuild', 'better-sqlite3'], options);
  writeFileSync(stamp, '');
  return `${home}/node_modules`;
}
