import { readdirSync, readFileSync } from 'node:fs';

const LICENCE = /^(licen[cs]e|copying)/i;

/**
 * Licences of Node.js and of all packages whose code is in the bundles or in `modules`, as one
 * text.
 * @param {{ runtime: import('./runtime.mjs').Runtime, modules: string }} parts
 */
export function licences({ runtime, modules }) {
  const found = [...packagesIn(modules), ...bundledPackages()];
  const byName = new Map(found.map((folder) => [folder.replace(/^.*node_modules\//, ''), folder]));
  const names = [...byName.keys()].sort();
  const ofPackages = names.map((name) => section(name, licenceOf(byName.get(name) ?? '')));
  return [section(`Node.js ${runtime.version}`, readFileSync(`${runtime.folder}/LICENSE`, 'utf8')), ...ofPackages].join('\n');
}

/** @param {string} name @param {string} text */
function section(name, text) {
  return `${'='.repeat(79)}\n${name}\n\n${text}\n`;
}

/** Folders of the packages that the source maps of the bundles name. */
function bundledPackages() {
  const maps = readdirSync('dist').filter((name) => name.endsWith('.cjs.map'));
  const sources = maps.flatMap((name) => JSON.parse(readFileSync(`dist/${name}`, 'utf8')).sources);
  const folders = sources.map((source) => /^\.\.\/(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]);
  return [...new Set(folders)].filter((folder) => folder !== undefined);
}

/** @param {string} modules */
function packagesIn(modules) {
  const names = readdirSync(modules).filter((name) => !name.startsWith('.'));
  return names
    .flatMap((name) => (name.startsWith('@') ? readdirSync(`${modules}/${name}`).map((part) => `${name}/${part}`) : [name]))
    .map((name) => `${modules}/${name}`);
}

/** @param {string} folder */
function licenceOf(folder) {
  const file = readdirSync(folder).find((name) => LICENCE.test(name));
  if (file !== undefined) return readFileSync(`${folder}/${file}`, 'utf8').trim();
  const { license, author } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  return `${license ?? 'no licence'}${author === undefined ? '' : `, ${author.name ?? author}`}`;
}
