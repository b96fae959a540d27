import { readdirSync, readFileSync } from 'node:fs';

const LICENCE = /^(licen[cs]e|copying|notice)/i;
/** The last part of a page, for packages without a file. */
const LICENCE_PART = /^#+ licen[cs]e\b.*$[\s\S]*/im;

/**
 * Licences of Node.js and of all packages whose code is in the bundles or in `modules`, as one
 * text.
 * @param {{ runtime: import('./runtime.mjs').Runtime, modules: string }} parts
 */
export function licences({ runtime, modules }) {
  const ofNode = section(`Node.js ${runtime.version}`, readFileSync(`${runtime.folder}/LICENSE`, 'utf8'));
  return `${ofNode}\n${licencesOf([...packagesIn(modules), ...bundledPackages()])}`;
}

/** Licences of all packages whose code is in the bundles, as one text. */
export function bundledLicences() {
  return licencesOf(bundledPackages());
}

/** @param {readonly string[]} folders of packages. */
function licencesOf(folders) {
  const byName = new Map(folders.map((folder) => [folder.replace(/^.*node_modules\//, ''), folder]));
  const names = [...byName.keys()].sort();
  return names.map((name) => section(name, licenceOf(byName.get(name) ?? ''))).join('\n');
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
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map(({ name }) => name).sort();
  const texts = names.filter((name) => LICENCE.test(name)).map((name) => readFileSync(`${folder}/${name}`, 'utf8').trim());
  if (texts.length > 0) return texts.join('\n\n');
  const { license, author } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const readme = names.find((name) => /^readme/i.test(name));
  const part = readme === undefined ? undefined : LICENCE_PART.exec(readFileSync(`${folder}/${readme}`, 'utf8'))?.[0].trim();
  const own = `${license ?? 'no licence'}${author === undefined ? '' : `, ${author.name ?? author}`}`;
  return part === undefined ? own : `${own}\n\n${part}`;
}
