import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { addDocs } from './docs.mjs';
import { setUsualModes } from './modes.mjs';
import { run } from './runtime.mjs';

/** Debian's names of architectures. */
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };
const TREE = 'build/package/deb';
const [HOME, SHARE, DOC] = ['usr/lib/backy2', 'usr/share', 'usr/share/doc/backy2'];
/** Of docs/systemd, the units that need nothing but the package. */
const UNITS = /^backy2-(run|failed@)\./;
/** As Debian's own tools take it. */
const { DEBFULLNAME = 'backy2', DEBEMAIL = 'backy2@localhost.localdomain' } = process.env;
const MAINTAINER = `${DEBFULLNAME} <${DEBEMAIL}>`;
const COMPLETIONS = {
  'backy2.bash': 'bash-completion/completions/backy2',
  _backy2: 'zsh/vendor-completions/_backy2',
  'backy2.fish': 'fish/vendor_completions.d/backy2.fish',
};

/**
 * Builds the Debian package.
 * @param {{ version: string, program: string, notices: string, quick: boolean, seconds: number }} job
 * @returns {string} its path.
 */
export function makeDeb({ version, program, notices, quick, seconds }) {
  const debVersion = `${version}-1`;
  const architecture = ARCHITECTURES[process.arch];
  rmSync(TREE, { recursive: true, force: true });
  copy(program, `${HOME}/package`);
  write(`${HOME}/package/build-id`, `${debVersion}.${hashOf(`${TREE}/${HOME}/package`)}\n`);
  mkdirSync(`${TREE}/usr/bin`, { recursive: true });
  // bin/backy2 follows it to the folder of the version (packaging/deb/postinst).
  symlinkSync('../lib/backy2/current/bin/backy2', `${TREE}/usr/bin/backy2`);
  addSystemFiles();
  write(`${SHARE}/backy2/LICENSES-OF-PARTS`, notices);
  addDocumentation({ debVersion, seconds });
  const depends = dependencies();
  const control = readFileSync('packaging/deb/control', 'utf8')
    .replace('@VERSION@', debVersion)
    .replace('@ARCHITECTURE@', architecture)
    .replace('@MAINTAINER@', MAINTAINER)
    .replace('@DEPENDS@', depends)
    .replace('@SIZE@', execFileSync('du', ['-sk', TREE], { encoding: 'utf8' }).split('\t')[0] ?? '');
  write('DEBIAN/control', control);
  write('DEBIAN/conffiles', '/etc/logrotate.d/backy2\n');
  for (const name of ['postinst', 'prerm', 'postrm']) copy(`packaging/deb/${name}`, `DEBIAN/${name}`);
  write('DEBIAN/md5sums', md5sums());
  setUsualModes(TREE);
  run('find', [TREE, '-exec', 'touch', '-h', '-d', `@${seconds}`, '{}', '+']);
  const path = `build/package/backy2_${debVersion}_${architecture}.deb`;
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(seconds) };
  run('dpkg-deb', ['--root-owner-group', ...(quick ? ['-Zgzip', '-z1'] : ['-Zxz']), '--build', TREE, path], { env });
  return path;
}

function addSystemFiles() {
  for (const unit of readdirSync('docs/systemd').filter((name) => UNITS.test(name)))
    copy(`docs/systemd/${unit}`, `usr/lib/systemd/system/${unit}`);
  copy('packaging/tmpfiles.conf', 'usr/lib/tmpfiles.d/backy2.conf');
  copy('packaging/logrotate', 'etc/logrotate.d/backy2');
  copy('packaging/deb/lintian-overrides', `${SHARE}/lintian/overrides/backy2`);
  for (const [name, path] of Object.entries(COMPLETIONS)) copy(`completion/${name}`, `${SHARE}/${path}`);
  // Not in the documentation, which images of containers leave out.
  copy('backy.cfg.example', `${SHARE}/backy2/backy.cfg.example`);
  copy('docs/scripts', `${SHARE}/backy2/scripts`);
}

/** @param {{ debVersion: string, seconds: number }} release */
function addDocumentation({ debVersion, seconds }) {
  writePacked(`${SHARE}/man/man1/backy2.1.gz`, readFileSync('man/backy2.1'));
  addDocs(`${TREE}/${DOC}`);
  const date = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
  const entry = `backy2 (${debVersion}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- ${MAINTAINER}  ${date}\n`;
  writePacked(`${DOC}/changelog.Debian.gz`, Buffer.from(entry));
  writePacked(`${DOC}/changelog.gz`, readFileSync('CHANGELOG.md'));
  const own = `backy2 is under this licence:\n\n${readFileSync('LICENSE', 'utf8')}\nLicences of Node.js and of the packages in it: /usr/share/backy2/LICENSES-OF-PARTS\n`;
  write(`${DOC}/copyright`, own);
}

/** The packages that the compiled parts need, with the versions that have their symbols. */
function dependencies() {
  const folder = 'build/package/shlibdeps';
  mkdirSync(`${folder}/debian`, { recursive: true });
  writeFileSync(`${folder}/debian/control`, 'Source: backy2\n\nPackage: backy2\nArchitecture: any\n');
  const home = `${TREE}/${HOME}/package`;
  // fuse-native is left out: its library is only recommended.
  const found = execFileSync(
    'find',
    [home, '(', '-name', '*.node', '-o', '-name', '*.so', '-o', '-name', 'node', ')', '-type', 'f'],
    {
      encoding: 'utf8',
    },
  );
  const files = found.trim().split('\n');
  const needed = files.filter((file) => !file.includes('fuse-native')).map((file) => `../../../${file}`);
  const text = execFileSync('dpkg-shlibdeps', ['-O', '--warnings=0', ...needed], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 2],
  });
  return text.trim().replace('shlibs:Depends=', '');
}

/** Identity of a tree's names and contents. @param {string} folder */
function hashOf(folder) {
  const hash = createHash('sha256');
  for (const path of filesIn(folder)) hash.update(`\0${path.slice(folder.length)}\0`).update(readFileSync(path));
  return hash.digest('hex').slice(0, 12);
}

function md5sums() {
  const files = filesIn(TREE).filter((path) => !/^build\/package\/deb\/(DEBIAN|etc)\//.test(path));
  return files
    .map((path) => `${createHash('md5').update(readFileSync(path)).digest('hex')}  ${path.slice(TREE.length + 1)}\n`)
    .join('');
}

/** Regular files below a folder, sorted. @param {string} folder @returns {string[]} */
function filesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .sort();
}

/** @param {string} from @param {string} to inside the package. */
function copy(from, to) {
  mkdirSync(dirname(`${TREE}/${to}`), { recursive: true });
  cpSync(from, `${TREE}/${to}`, { recursive: true });
}

/** @param {string} path inside the package. @param {string | Buffer} content */
function write(path, content) {
  mkdirSync(dirname(`${TREE}/${path}`), { recursive: true });
  writeFileSync(`${TREE}/${path}`, content);
  chmodSync(`${TREE}/${path}`, 0o644);
}

/** @param {string} path @param {Buffer} content */
function writePacked(path, content) {
  write(path, gzipSync(content, { level: 9 }));
}
