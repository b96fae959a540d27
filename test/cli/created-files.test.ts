import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;
/** Kept by processes alone, or made by the test. */
const NOT_CREATED = new Set(['backy.cfg', 'home', 'locks', 'image']);

let lab: Lab;
afterEach(() => lab.remove());

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

/** Modes of all files that the program has created, by mode. */
function modes(): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const entry of readdirSync(lab.folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(lab.folder.length + 1);
    if (NOT_CREATED.has(path.split('/')[0] ?? '')) continue;
    const kind = path.startsWith('data/') ? (entry.isDirectory() ? 'a folder of blobs' : 'a blob or id') : path;
    const mode = modeOf(lab.path(path));
    found[mode] = [...new Set([...(found[mode] ?? []), kind])].sort();
  }
  return found;
}

async function createAll(fileMode?: string): Promise<void> {
  lab = new Lab({ blockSize: BLOCK, config: fileMode === undefined ? {} : { DEFAULTS: { file_mode: fileMode } } });
  rmSync(lab.dataPath, { recursive: true, force: true });
  await lab.ok('initdb');
  const uid = await lab.backup(`file://${lab.write('image', noise(BLOCK, 'image'))}`, 'vm');
  await lab.ok('export', uid, lab.path('export'));
  await lab.ok('backup-db', lab.path('copy'));
  await lab.ok('restore', uid, `file://${lab.path('restored')}`);
}

test('what the program creates is its owner’s alone, except the log', async () => {
  await createAll();
  expect(modes()).toEqual({
    600: ['a blob or id', 'backy.sqlite', 'copy', 'export', 'restored'],
    644: ['backy.log'],
    700: ['a folder of blobs', 'data'],
  });
});

test('with file_mode 0660 a group can use all of it, whatever the umask', async () => {
  await createAll('0660');
  expect(modes()).toEqual({
    660: ['a blob or id', 'backy.sqlite', 'copy', 'export', 'restored'],
    664: ['backy.log'],
    770: ['a folder of blobs', 'data'],
  });
  // An existing file keeps its mode.
  for (const name of ['export', 'copy', 'restored', 'backy.sqlite', 'backy.log']) chmodSync(lab.path(name), 0o640);
  const [version] = lab.versions();
  await lab.ok('export', version?.uid ?? '', lab.path('export'));
  await lab.ok('backup-db', '-f', lab.path('copy'));
  await lab.ok('restore', '-f', version?.uid ?? '', `file://${lab.path('restored')}`);
  expect(modes()[640]).toEqual(['backy.log', 'backy.sqlite', 'copy', 'export', 'restored']);
});
