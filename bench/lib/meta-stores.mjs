import { symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** @typedef {import('../../src/meta/meta-store.ts').MetaStore} MetaStore */

/** The default of `sqlite_cache_mb`. */
const CACHE_MB = 256;

/**
 * Makes stores. Each needs `open` or `initialize`.
 * @typedef {{ sqlite(path: string, now?: () => Date): MetaStore, postgres(engine: string): MetaStore }} Stores
 */

/**
 * Loads the metadata stores themselves: a command would do more than keep rows.
 * @param {import('./workspace.mjs').Workspace} workspace
 * @returns {Promise<Stores>}
 */
export async function loadStores(workspace) {
  const folder = workspace.folder('disk', 'stores');
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const outfile = join(folder, 'stores.mjs');
  await build({
    stdin: {
      contents: `export { postgresStore } from './src/meta/postgresql/postgres-store.ts';
        export { sqliteStore } from './src/meta/sqlite/sqlite-store.ts';`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['pg-native', 'pg-query-stream', 'better-sqlite3', 'sqlite3'],
    banner: { js: "import { createRequire as c } from 'node:module';\nconst require = c(import.meta.url);" },
    logLevel: 'warning',
  });
  const { sqliteStore, postgresStore } = await import(pathToFileURL(outfile).href);
  const logger = { debug() {}, info() {}, warning() {}, error() {} };
  const clock = () => new Date();
  return {
    sqlite: (path, now = clock) => sqliteStore({ path, cacheMb: CACHE_MB, createIfMissing: true, logger, now }),
    postgres: (engine) => postgresStore({ engine, logger, now: clock }),
  };
}
