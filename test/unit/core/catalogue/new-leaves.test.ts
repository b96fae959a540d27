import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeafSet } from '../../../../src/core/catalogue/leaf-set.ts';
import { type KnownLeaves, NewLeaves } from '../../../../src/core/catalogue/new-leaves.ts';
import { withCatalogue } from '../../../../src/core/catalogue/with-catalogue.ts';
import { writeManifest } from '../../../../src/core/catalogue/write-manifest.ts';
import type { Context } from '../../../../src/core/context.ts';
import { decodeRows } from '../../../../src/data/catalogue/decode-rows.ts';
import { BackyError } from '../../../../src/errors.ts';
import type { MetaStore } from '../../../../src/meta/meta-store.ts';
import { LAYOUTS } from '../../../../src/model/layout.ts';
import type { Version } from '../../../../src/model/version.ts';
import { CatalogueLab } from '../../../support/labs/catalogue-lab.ts';
import { KEY_A } from '../../../support/labs/encryption.ts';

/** As many leaves as are stored together. */
const BATCH = 32;
const BLOCKS = [0, 3, 700, 1699];

let lab: CatalogueLab;
afterEach(() => lab.dispose());

const refusesPages = () => lab.withMeta({ blockPage: () => Promise.reject(new Error('rows are read')) });

describe.each(LAYOUTS)('with the layout %s', (layout) => {
  beforeEach(async () => {
    lab = await CatalogueLab.create(layout);
  });

  /** A context in which a blob of a group is found bad right after its commit, the first time. */
  function withBadBlob(methods: Partial<MetaStore> = {}): Context {
    let isBad = false;
    const commitGroup: MetaStore['commitGroup'] = async (versionUid, group, geometry) => {
      const outcome = await lab.core.meta.commitGroup(versionUid, group, geometry);
      const [row] = group.rows;
      if (row !== undefined && !isBad) {
        isBad = true;
        await lab.core.meta.markBlobsInvalid([{ uid: row.uid ?? '', checksum: row.checksum }]);
      }
      return outcome;
    };
    return lab.withMeta({ commitGroup, ...methods });
  }

  it.each([
    ['plain', {}],
    ['encrypted', { encryption: { version: 1, key: KEY_A, compressionLevel: 1 } }],
  ])('the manifest of a first backup, %s, is written without reading its rows', async (_, settings) => {
    await lab.dispose();
    lab = await CatalogueLab.create(layout, settings);
    const uid = await lab.backup(BLOCKS, { context: refusesPages() });
    expect((await lab.storedVersion(uid)).rows).toEqual(await lab.rows(uid));
  });

  it('a leaf that has changed since its commit is read', async () => {
    const context = withBadBlob({ finishBackup: () => Promise.reject(new BackyError('database', 'killed')) });
    await expect(lab.backup(BLOCKS, { context })).rejects.toThrow('killed');
    const uid = await lab.unfinished();
    const { rows } = await lab.storedVersion(uid);
    expect(rows).toEqual(await lab.rows(uid));
    expect(rows.filter(({ valid }) => !valid)).toHaveLength(1);
  });

  it('a block that is stored again has its last row in the manifest', async () => {
    const uid = await lab.backup(BLOCKS, { context: withBadBlob() });
    expect((await lab.storedVersion(uid)).rows).toEqual(await lab.rows(uid));
  });

  it('a leaf that was stored early, and collected, is read', async () => {
    const context = lab.withMeta({ finishBackup: () => Promise.reject(new BackyError('database', 'killed')) });
    await expect(lab.backup(BLOCKS, { context })).rejects.toThrow('killed');
    const uid = await lab.unfinished();
    const { leaves } = await lab.storedVersion(uid);
    rmSync(join(lab.core.dataPath, 'backy2-catalogue'), { recursive: true });
    await write(uid, { stored: new Map(leaves.entries()), payloads: new Map() });
    expect((await lab.storedVersion(uid)).rows).toEqual(await lab.rows(uid));
  });

  /** Writes the manifest as at the end of a backup. */
  async function write(uid: string, known: KnownLeaves): Promise<void> {
    const version = await lab.core.meta.findVersion(uid);
    if (version === undefined) throw new Error('there is no version');
    const ending = { stats: undefined, base: undefined, written: new LeafSet(), known };
    await withCatalogue(lab.context, ({ catalogue }) => writeManifest(lab.context, catalogue, { version, ending }));
  }
});

describe('rows of a running backup', () => {
  let version: Version;
  beforeEach(async () => {
    lab = await CatalogueLab.create();
    version = await lab.core.newVersion('v1', (BATCH * 500 + 700) * 4096);
  });

  const zeros = (ids: Iterable<number>) =>
    Array.from(ids, (id) => ({ id, uid: null, checksum: null, size: 4096, encVersion: 0, envKey: null, nonce: null }));
  const idsOf = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

  it('are kept until many leaves are whole, in any order of blocks; the last leaf is shorter', async () => {
    const leaves = new NewLeaves(lab.context, version);
    await leaves.add(zeros(idsOf(500, 700).reverse()));
    await leaves.add(zeros(idsOf(BATCH * 500 + 500, 200)));
    expect(lab.objects('leaves')).toEqual([]);
    const { stored, payloads } = await leaves.end();
    expect(stored.size).toBe(0);
    expect([...payloads.keys()]).toEqual([1, BATCH + 1]);
    const { bytes = new Uint8Array() } = payloads.get(1) ?? {};
    expect(decodeRows(1, bytes, undefined).map(({ id }) => id)).toEqual(idsOf(500, 500));
  });

  it('are stored when many leaves are whole; others stay to be read', async () => {
    const leaves = new NewLeaves(lab.context, version);
    await leaves.add(zeros(idsOf(0, BATCH * 500 + 100)));
    const { stored, payloads } = await leaves.end();
    expect([...stored.keys()]).toEqual(idsOf(0, BATCH));
    expect(new Set(stored.values())).toEqual(new Set(lab.objects('leaves')));
    expect(payloads.size).toBe(0);
    // A second write of the manifest knows nothing: blocks may have been written again.
    expect((await leaves.end()).stored.size).toBe(0);
  });

  it('that are scattered take bounded memory', async () => {
    const size = 1_000_000;
    const leaves = new NewLeaves(lab.context, { ...version, size, sizeBytes: size * 4096 });
    // 82 rows of each are more than are kept.
    for (let round = 0; round < 500; round++) await leaves.add(zeros(idsOf(0, 490).map((leaf) => leaf * 500 + round)));
    expect((await leaves.end()).payloads.size).toBe(0);
  });

  it('with data keys are left to those who have the master key', async () => {
    const leaves = new NewLeaves(lab.context, version);
    await leaves.add(zeros(idsOf(0, 500)).map((block) => ({ ...block, encVersion: 1, envKey: 'ab'.repeat(40) })));
    await leaves.add(zeros(idsOf(500, 500)));
    const { stored, payloads } = await leaves.end();
    expect([stored.size, payloads.size]).toEqual([0, 0]);
  });

  it('are read at the end if they can’t be stored', async () => {
    const context = lab.withMeta({ storeId: () => Promise.reject(new BackyError('database', 'stopped')) });
    const leaves = new NewLeaves(context, version);
    await leaves.add(zeros(idsOf(0, BATCH * 500)));
    const { stored, payloads } = await leaves.end();
    expect([stored.size, payloads.size]).toEqual([0, 0]);
    expect(lab.warnings).toEqual([]);
  });
});
