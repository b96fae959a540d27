import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { run } from './runtime.mjs';

const ARCH = process.arch;
/** The files of each unbundled package that the program needs at run time. */
const MODULE_FILES = {
  'better-sqlite3': ['package.json', 'LICENSE', 'build/Release/better_sqlite3.node'],
  koffi: ['package.json', 'LICENSE.txt', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'],
  [`@koromix/koffi-linux-${ARCH}`]: ['package.json', 'index.js', `linux_${ARCH}/koffi.node`],
};
/** The same of fuse-native, which has a binary for x64 alone. */
const FUSE_FILES = {
  'fuse-native': ['package.json', 'index.js', 'prebuilds/linux-x64/node.napi.node'],
  'fuse-shared-library': ['package.json', 'LICENSE', 'index.js'],
  'fuse-shared-library-linux': ['package.json', 'LICENSE', 'index.js', 'libfuse/scripts'],
  nanoresource: ['package.json', 'LICENSE', 'index.js', 'emitter.js'],
  inherits: ['package.json', 'LICENSE', 'inherits.js'],
  'node-gyp-build': ['package.json', 'LICENSE', 'index.js', 'node-gyp-build.js'],
};
/** Files of dist/ that only builds and tests need, and the licences, which have another place. */
const NOT_SHIPPED = /\.map$|^(inputs|LICENSES-OF-PARTS|keep-code\.cjs|write-code-caches\.cjs|run-program\.js)$/;

/**
 * Puts together the program with its runtime: bin, dist, node_modules and runtime.
 * @param {string} folder is replaced.
 * @param {{ runtime: import('./runtime.mjs').Runtime, modules: string }} parts
 */
export function stageProgram(folder, { runtime, modules }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(`${folder}/runtime`, { recursive: true });
  const node = `${folder}/runtime/node`;
  cpSync(`${runtime.folder}/bin/node`, node);
  cpSync('bin', `${folder}/bin`, { recursive: true });
  for (const part of ['dist', 'completion']) cpSync(part, `${folder}/${part}`, { recursive: true });
  const { name, version, license, type } = JSON.parse(readFileSync('package.json', 'utf8'));
  writeFileSync(`${folder}/package.json`, `${JSON.stringify({ name, version, license, type }, null, 2)}\n`);
  stageModules(modules, `${folder}/node_modules`);
  setModes(folder);
  // V8 takes a cache of its own version alone.
  run(node, [`${folder}/dist/write-code-caches.cjs`]);
  for (const name of readdirSync(`${folder}/dist`)) if (NOT_SHIPPED.test(name)) rmSync(`${folder}/dist/${name}`);
  checkParts(folder);
}

/** @param {string} from @param {string} to */
function stageModules(from, to) {
  for (const [name, files] of Object.entries({ ...MODULE_FILES, ...(ARCH === 'x64' ? FUSE_FILES : {}) }))
    for (const file of files) {
      const path = `${to}/${name}/${file}`;
      mkdirSync(dirname(path), { recursive: true });
      cpSync(`${from}/${name}/${file}`, path, { recursive: true });
    }
}

/**
 * Strips compiled files, and sets modes: those of npm packages may be setuid.
 * @param {string} folder
 */
function setModes(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = `${entry.parentPath}/${entry.name}`;
    const isProgram = /\/(bin\/backy2|runtime\/node|scripts\/[^/]*\.sh)$/.test(path);
    if (/\.(node|so)$|\/runtime\/node$/.test(path)) run('strip', ['--strip-unneeded', path]);
    chmodSync(path, entry.isDirectory() || isProgram ? 0o755 : 0o644);
  }
}

/** A part that is missing or does not load must not become a package. @param {string} folder */
function checkParts(folder) {
  const caches = ['program', 'blocks', 'complete', 'knex', 'pg', 's3-sdk'].map((name) => `dist/${name}.cache`);
  const libraries = ['whole-files', ...(ARCH === 'x64' ? ['sha512-lanes', 'md5-lanes'] : [])].map((name) => `dist/${name}.so`);
  const missing = [...caches, ...libraries].filter((path) => !existsSync(`${folder}/${path}`));
  if (missing.length > 0) throw new Error(`The build lacks ${missing.join(', ')}: is there a C compiler?`);
  const modules = ['better-sqlite3/build/Release/better_sqlite3.node', 'koffi'];
  // Its library is that of the system.
  if (existsSync(`${folder}/node_modules/fuse-native`)) modules.push('fuse-shared-library', 'nanoresource', 'node-gyp-build');
  const load = modules.map((name) => `require('./node_modules/${name}')`).join(';');
  run('runtime/node', ['-e', load], { cwd: folder });
}
