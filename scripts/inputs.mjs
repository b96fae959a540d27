import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Files and folders that the build reads. */
const INPUTS = ['src', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json'];
/** Written last, so that a build that was cut short does not count. */
const STAMP = 'dist/inputs';

/** Whether dist/ and the manual page are what a build would make now. */
export function isUpToDate() {
  return existsSync(STAMP) && existsSync('man/backy2.1') && readFileSync(STAMP, 'utf8') === hashOfInputs();
}

/** Notes what dist/ was made from. */
export function noteInputs() {
  writeFileSync(STAMP, hashOfInputs());
}

function hashOfInputs() {
  const hash = createHash('sha256').update(JSON.stringify([process.version, process.arch, process.env.CC ?? 'cc']));
  for (const path of INPUTS.flatMap(filesIn).sort()) hash.update(`\0${path}\0`).update(readFileSync(path));
  return hash.digest('hex');
}

/** @param {string} path @returns {string[]} */
function filesIn(path) {
  if (/\.json$/.test(path)) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`);
}
