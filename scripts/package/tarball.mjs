import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { addDocs } from './docs.mjs';
import { setUsualModes } from './modes.mjs';
import { run } from './runtime.mjs';

/**
 * Builds the archive for any Linux with glibc. It runs from the folder where it is unpacked.
 * @param {{ version: string, program: string, notices: string, quick: boolean, seconds: number }} job
 * @returns {string} its path.
 */
export function makeTarball({ version, program, notices, quick, seconds }) {
  const name = `backy2-${version}-linux-${process.arch}`;
  const folder = `build/package/${name}`;
  rmSync(folder, { recursive: true, force: true });
  renameSync(program, folder);
  addDocs(folder);
  for (const path of ['man', 'CHANGELOG.md', 'LICENSE']) cpSync(path, `${folder}/${path}`, { recursive: true });
  mkdirSync(`${folder}/etc`);
  cpSync('packaging/logrotate', `${folder}/etc/logrotate`);
  cpSync('packaging/tmpfiles.conf', `${folder}/etc/tmpfiles.conf`);
  writeFileSync(`${folder}/LICENSES-OF-PARTS`, notices);
  setUsualModes(folder);
  const path = `build/package/${name}.tar.gz`;
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', `--mtime=@${seconds}`];
  run('tar', ['-C', 'build/package', ...owner, '-I', quick ? 'gzip -1' : 'gzip -9n', '-cf', path, name]);
  return path;
}
