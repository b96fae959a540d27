import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** @typedef {import('../../src/meta/meta-store.ts').MetaStore} MetaStore */

const SILENT = { debug() {}, info() {}, warning() {}, error() {} };
const now = () => new Date();

/**
 * Loads the store itself: the program would do more than change rows.
 * @param {import('./workspace.mjs').Workspace} workspace
 * @returns {Promise<{ postgres: (engine: string) => MetaStore, sqlite: (path: string) => MetaStore }>}
 */
export async function loadStores(workspace) {
  const outfile = join(workspace.folder('disk', 'store'), 'store.mjs');
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
    external: ['pg-native', 'pg-query-stream', 'sqlite3'],
    plugins: [
      {
        name: 'from-here',
        setup: ({ onResolve }) => {
          // The bundle is in another folder, where no package is found by name.
          const path = join(process.cwd(), 'node_modules/better-sqlite3/lib/index.js');
          onResolve({ filter: /^better-sqlite3$/ }, () => ({ path, external: true }));
        },
      },
    ],
    banner: { js: "import { createRequire as c } from 'node:module';\nconst require = c(import.meta.url);" },
    logLevel: 'warning',
  });
  const { postgresStore, sqliteStore } = await import(pathToFileURL(outfile).href);
  return {
    postgres: (engine) => postgresStore({ engine, logger: SILENT, now }),
    sqlite: (path) => sqliteStore({ path, cacheMb: 256, createIfMissing: false, logger: SILENT, now }),
  };
}
