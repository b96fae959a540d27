import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { GoldenStore, isWhole, type ManifestVersion, needStore } from '../support/old/golden-store.ts';
import { lacking } from '../support/runner/machine.ts';

/** Stores that original releases wrote. */
const STORES = ['enc0', 'enc1'];

for (const name of STORES) {
  const { skip, note } = lacking(needStore(name));
  describe.skipIf(skip)(`the store ${name} that the original wrote${note}`, { timeout: 120_000 }, () => checkStore(name));
}

function checkStore(name: string): void {
  let store: GoldenStore;
  beforeAll(() => {
    store = GoldenStore.copy(name);
  });
  afterAll(() => store?.remove());

  test('ls lists the versions of the manifest', async () => {
    const { document } = await store.json('ls');
    const shown = new Map((document as { uid: string }[]).map((version) => [version.uid, version]));
    expect([...shown.keys()].sort()).toEqual(store.versions.map(({ uid }) => uid).sort());
    for (const version of store.versions) expect(shown.get(version.uid)).toMatchObject(asListed(version));
  });

  test('export writes the same bytes as the original', async () => {
    for (const { uid, export: file } of store.versions) {
      if (file === undefined) continue;
      await expectCode(store, ['export', uid, 'exported.csv'], 0);
      expect(store.read('exported.csv').toString(), uid).toBe(store.read(file).toString());
    }
  });

  test('every version restores to its SHA-256; a damaged one to all but the damaged block', async () => {
    for (const version of store.versions) {
      const { code } = await store.run(['restore', version.uid, 'file://restored']);
      expect(code, version.uid).toBe(isWhole(version) ? 0 : 20);
      if (isWhole(version)) expect(sha256OfFile(store.path('restored')), version.uid).toBe(version.sha256);
      else if (version.damaged_block !== undefined)
        expect(repaired(store, version, store.read('restored')), version.uid).toBe(version.sha256);
      rmSync(store.path('restored'));
    }
  });

  test('a scrub passes if the manifest says so; else it names the damaged block and marks block and version', async () => {
    for (const version of store.versions) {
      const { code, document } = await store.json('scrub', '-s', `file://${version.source}`, version.uid);
      expect(code, version.uid).toBe(isWhole(version) ? 0 : 20);
      const { errors, complete } = document as { errors: { id: number }[]; complete: boolean };
      expect(complete).toBe(version.interrupted !== true);
      expect(errors.map(({ id }) => id)).toEqual(version.damaged_block === undefined ? [] : [version.damaged_block]);
    }
    const { document } = await store.json('ls');
    const valid = (document as { uid: string; valid: boolean }[]).filter((version) => version.valid).map(({ uid }) => uid);
    expect(valid.sort()).toEqual(
      store.versions
        .filter(isWhole)
        .map(({ uid }) => uid)
        .sort(),
    );
  });

  test('a new backup dedups against the old blocks', async () => {
    for (const { source } of store.versions.filter(isWhole)) {
      const { code, document } = await store.json('backup', `file://${source}`, 'new');
      expect(code).toBe(0);
      expect(document, source).toMatchObject({ blocks_written: 0 });
      await expectCode(store, ['scrub', '-s', `file://${source}`, (document as { uid: string }).uid], 0);
    }
  });

  test('a killed backup is resumed, and restores', async () => {
    for (const version of store.versions.filter(({ interrupted }) => interrupted)) {
      await expectCode(store, ['backup', '-c', version.uid, `file://${version.source}`, version.name ?? ''], 0);
      await expectCode(store, ['restore', version.uid, 'file://continued'], 0);
      expect(sha256OfFile(store.path('continued'))).toBe(version.sha256);
    }
  });

  test('the exports import into an empty database, and restore', async () => {
    store.writeConfig('empty.cfg', (text) => text.replace('backy.sqlite', 'empty.sqlite'));
    await expectCode(store, ['initdb'], 0, 'empty.cfg');
    for (const version of store.versions) {
      if (version.export === undefined) continue;
      // A killed version lacks rows: half a version is never imported.
      await expectCode(store, ['import', version.export], version.interrupted ? 23 : 0, 'empty.cfg');
      if (!isWhole(version)) continue;
      await expectCode(store, ['restore', version.uid, 'file://imported'], 0, 'empty.cfg');
      expect(sha256OfFile(store.path('imported')), version.uid).toBe(version.sha256);
      rmSync(store.path('imported'));
    }
  });
}

async function expectCode(store: GoldenStore, args: string[], code: number, config?: string): Promise<void> {
  const { stdout, stderr, ...ended } = await store.run(args, config);
  expect(ended, `${args.join(' ')}\n${stdout}${stderr}`).toMatchObject({ code });
}

/** A version as `ls --json` has it; the manifest knows less about some. */
function asListed({ uid, date, expire, name, snapshot_name, size, size_bytes, valid, protected: kept, tags }: ManifestVersion) {
  if (name === undefined) return { uid, valid: valid === 1 };
  const iso = (text: string) => `${text.slice(0, 19).replace(' ', 'T')}`;
  return {
    ...{ uid, name, snapshot_name, size, size_bytes, valid: valid === 1, protected: kept === 1, tags },
    date: expect.stringContaining(iso(date ?? '')),
    expire: expire === null || expire === undefined ? null : expect.stringContaining(iso(expire)),
  };
}

/** The SHA-256 of the restored bytes, with the damaged block taken from the source. */
function repaired(store: GoldenStore, { source, damaged_block = 0 }: ManifestVersion, restored: Buffer): string {
  const start = damaged_block * store.manifest.block_size;
  const whole = Buffer.from(restored);
  store.read(source).copy(whole, start, start, start + store.manifest.block_size);
  return sha256(whole);
}
