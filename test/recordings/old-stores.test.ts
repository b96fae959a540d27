import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STORE_FILE } from '../../src/data/file/blob-paths.ts';
import { sha256OfFile } from '../support/images/sha256.ts';
import { treeOf } from '../support/images/trees.ts';
import { GoldenStore, type ManifestVersion, needStore } from '../support/old/golden-store.ts';
import { tablesOf } from '../support/old/old-store.ts';
import { lacking } from '../support/runner/machine.ts';

const NEWEST = '30349b678801';

/** Stores that real old releases wrote. The oldest config has no option of encryption. */
const STORES = [
  { name: 'written-by-2.9.5', sparseIsKnown: false },
  { name: 'written-by-2.9.18', sparseIsKnown: true },
  { name: 'written-by-2.12.6', sparseIsKnown: true },
];

/**
 * All stores of the original, including the newest release's; some have a version that was damaged
 * on purpose.
 */
const ALL_STORES = [...STORES, { name: 'enc0' }, { name: 'enc1' }];

const { skip, note } = lacking(...ALL_STORES.map(({ name }) => needStore(name)));

describe.skipIf(skip).each(STORES)(`the store $name${note}`, ({ name, sparseIsKnown }) => {
  let store: GoldenStore;
  let versions: ManifestVersion[];
  beforeAll(() => {
    store = GoldenStore.copy(name);
    versions = store.manifest.versions;
  });
  afterAll(() => store?.remove());

  test('is upgraded by the first command if it is old, and ls lists its versions', async () => {
    const { alembic } = store.manifest;
    const said = await store.ok('ls');
    expect(said.includes(`from revision ${alembic ?? '(none)'} to ${NEWEST}`)).toBe(alembic !== NEWEST);
    expect(existsSync(store.path(`backy.sqlite.before-${NEWEST}`))).toBe(alembic !== NEWEST);
    const rows = (await store.ok('-ms', 'ls', '-f', 'uid,name,size,size_bytes,valid')).trimEnd().split('\n');
    const wanted = versions.map(({ uid, name: of, size, size_bytes, valid }) => [uid, of, size, size_bytes, valid].join('|'));
    expect(rows.sort()).toEqual(wanted.sort());
  });

  test('has tags as the release wrote them', async () => {
    const tags = (await store.ok('-ms', 'ls', '-f', 'name,snapshot_name,tags')).trimEnd().split('\n').sort();
    const daily = 'b_daily,b_monthly,b_weekly';
    expect(tags).toEqual(name === 'written-by-2.9.5' ? ['a||', 'b||'] : [`a|snap|x,y`, `a||${daily}`, `b||${daily}`]);
  });

  test('restores every version to the bytes of its source, and scrubs', async () => {
    for (const { uid, sha256, source } of versions) {
      expect(await store.restoredSha256(uid), uid).toBe(sha256);
      expect(sha256OfFile(store.path(source))).toBe(sha256);
      await store.ok('scrub', uid);
      await store.ok('scrub', '-s', `file://${source}`, uid);
    }
  });

  test('takes new backups, which find every block of the old ones', async () => {
    const blobs = store.blobCount();
    for (const { uid, source, sha256 } of versions) {
      const [made = ''] = (await store.ok('-m', 'backup', `file://${source}`, 'new')).split('\n');
      expect(await store.restoredSha256(made)).toBe(sha256);
      const [old, now] = [await blobUids(store, uid), await blobUids(store, made)];
      // The oldest release stored zeros as a blob.
      expect(now).toEqual(old.map((blob, id) => (!sparseIsKnown && id === 2 && source.endsWith('a.bin') ? '' : blob)));
      const [onBase = ''] = (await store.ok('-m', 'backup', '-f', uid, '-r', hintsFor(store), `file://${source}`, 'based')).split(
        '\n',
      );
      expect(await store.restoredSha256(onBase)).toBe(sha256);
    }
    expect(store.blobCount()).toBe(blobs);
  });

  test('exports what the release exported', async () => {
    for (const uid of store.exports()) {
      expect(await store.ok('-m', 'export', uid, '-')).toBe(asNewest(readFileSync(store.path(`exports/${uid}.csv`), 'utf8')));
      await store.ok('export', uid, 'again.csv');
      expect(readFileSync(store.path('again.csv'), 'utf8')).toBe(await store.ok('-m', 'export', uid, '-'));
    }
  });

  test('its exports import into an empty database and restore', async () => {
    await store.withEmptyDatabase();
    for (const uid of store.exports()) await store.ok('import', `exports/${uid}.csv`);
    for (const { uid, sha256 } of versions) expect(await store.restoredSha256(uid)).toBe(sha256);
    for (const uid of store.exports())
      expect(await store.ok('-m', 'export', uid, '-')).toBe(asNewest(readFileSync(store.path(`exports/${uid}.csv`), 'utf8')));
  });

  test('removes versions, and cleanup keeps the blobs of the others', async () => {
    const [kept, ...gone] = versions;
    for (const { uid } of gone) await store.ok('rm', '-f', uid);
    await store.ok('cleanup', '--dangerous-force');
    await store.ok('cleanup', '-f');
    expect(store.blobCount()).toBe((await blobUids(store, kept?.uid ?? '')).filter((uid) => uid !== '').length);
    expect(await store.restoredSha256(kept?.uid ?? '')).toBe(kept?.sha256);
  });
});

describe.skipIf(skip).each(ALL_STORES)(`the id of the store $name${note}`, ({ name }) => {
  let store: GoldenStore;
  let whole: ManifestVersion[];
  beforeAll(() => {
    store = GoldenStore.copy(name);
    whole = store.manifest.versions.filter(
      ({ name: of, valid, damaged_block }) => of !== undefined && valid === 1 && damaged_block === undefined,
    );
    expect(whole.length).toBeGreaterThan(1);
  });
  afterAll(() => store?.remove());

  test('adds one file, a catalogue and our own tables: no file or row that the original reads is changed', async () => {
    const files = treeOf(store.path('data'));
    // Upgrading the old database is a deliberate change.
    await store.ok('ls');
    const tables = tablesOf(store.path('backy.sqlite'));
    expect(treeOf(store.path('data'))).toEqual(files);
    const [first] = whole;
    await store.ok('scrub', first?.uid ?? '');
    const withId = { ...files, [STORE_FILE]: expect.any(String) };
    expect(treeOf(store.path('data'))).toEqual(withId);
    expect(tablesOf(store.path('backy.sqlite'))).toEqual(tables);
    const [made = ''] = (await store.ok('-m', 'backup', `file://${first?.source}`, 'new')).split('\n');
    const after = Object.entries(treeOf(store.path('data'))).filter(([path]) => !path.startsWith('backy2-catalogue'));
    expect(Object.fromEntries(after)).toEqual(withId);
    for (const [table, rows] of Object.entries(tablesOf(store.path('backy.sqlite')))) {
      const others = rows.filter(({ uid, version_uid }) => uid !== made && version_uid !== made);
      expect(others, table).toEqual(tables[table]);
    }
  });

  test('leaves the rest unchanged: versions are listed and restored as recorded', async () => {
    const rows = (await store.ok('-ms', 'ls', '-f', 'uid,name,size_bytes,valid')).trimEnd().split('\n');
    const wanted = whole.map(({ uid, name: of, size_bytes, valid }) => [uid, of, size_bytes, valid].join('|'));
    expect(rows).toEqual(expect.arrayContaining(wanted));
    for (const { uid, sha256 } of whole.slice(0, 3)) expect(await store.restoredSha256(uid), uid).toBe(sha256);
  });
});

function hintsFor(store: GoldenStore): string {
  return store.write('none.json', '[]');
}

/** Blob uids of a version's blocks; '' is a block without a blob. */
async function blobUids(store: GoldenStore, uid: string): Promise<string[]> {
  const [, , ...rows] = (await store.ok('-m', 'export', uid, '-')).trimEnd().split('\r\n');
  return rows.map((row) => row.split(',')[0] ?? '');
}

/**
 * An export of any format in the newest: fields that older formats lack are empty, or 0 for
 * enc_version. No field of these is quoted.
 */
function asNewest(text: string): string {
  const [format = '', version = '', ...rows] = text.split('\r\n');
  if (format.includes('2.12')) return text;
  const [uid, date, name, ...rest] = version.split(',');
  const isOldest = format.includes('2.1 ');
  const head = [uid, date, name, ...(isOldest ? ['', ...rest, '0'] : rest), ''].join(',');
  const blocks = rows.map((row) => (row === '' ? row : `${row},0,,`));
  return ['backy2 Version 2.12 metadata dump', head, ...blocks].join('\r\n');
}
