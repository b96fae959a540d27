import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Backy } from '../../../../src/core/backy.ts';
import type { Context } from '../../../../src/core/context.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import type { Layout } from '../../../../src/model/layout.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';
import { backUpNights, DAILY } from '../../../support/labs/nights.ts';

const KEY = '5c'.repeat(32);
const NIGHTS = { images: 2, nights: 5, blocks: 24 };

/**
 * Everything that users see of a database, but dates of block rows, which the catalogue leaves out.
 */
async function seenBy(context: Context) {
  const backy = new Backy(context);
  const versions = await backy.list({});
  const exports: string[] = [];
  for (const { uid } of versions) exports.push(await exportOf(backy, uid));
  const schedulers = ['daily'];
  return {
    ...{
      versions,
      exports,
      du: await backy.du(undefined),
      due: await backy.due({ schedulers }),
      sla: await backy.sla({ schedulers }),
    },
    stats: (await backy.stats({})).filter(({ versionUid }) => versions.some(({ uid }) => uid === versionUid)),
  };
}

/** An export without the dates of blocks: column 4 of a block line. */
async function exportOf(backy: Backy, uid: string): Promise<string> {
  let text = '';
  for await (const piece of backy.exportText(uid)) text += piece;
  return text.replace(/^((?:[^,\r\n]*,){3})[^,\r\n]*(?=(?:,[^,\r\n]*){6}\r?$)/gm, '$1');
}

describe.each([0, 1])('encryption %i', (version) => {
  describe.each<Layout>(['classic', 'compact'])('layout %s', (layout) => {
    let lab: CoreLab;
    afterEach(() => lab.dispose());

    async function nights() {
      lab = await CoreLab.create(layout);
      const { settings } = lab.context;
      const encryption = { version, key: version === 0 ? undefined : KEY, compressionLevel: 1 };
      const context = { ...lab.context, settings: { ...settings, encryption, schedulers: DAILY, workers: undefined } };
      await backUpNights(lab, context, NIGHTS);
      return context;
    }

    /** The same store with a new, empty database. */
    function withNewDatabase(context: Context): Context {
      const path = join(lab.folder, 'new.sqlite');
      const meta = sqliteStore({ path, cacheMb: 4, createIfMissing: false, logger: silentLogger, now: () => lab.now });
      return { ...context, meta };
    }

    test('a rebuilt database shows the same as the lost one', async () => {
      const context = await nights();
      const before = await seenBy(context);
      expect(before.versions.length).toBeGreaterThan(NIGHTS.images);
      const rebuilt = withNewDatabase(context);
      try {
        const { damaged, lost, versions } = await new Backy(rebuilt).rebuildDatabase({ layout, dryRun: false });
        expect({ damaged, lost, versions }).toEqual({ damaged: [], lost: [], versions: before.versions.length });
        expect(await seenBy(rebuilt)).toEqual(before);
        expect((await new Backy(rebuilt).checkMetadata()).findings).toEqual([]);
        expect((await new Backy(rebuilt).cleanupFull({ prefix: '' })).blobsDeleted).toBe(0);
      } finally {
        await rebuilt.meta.close();
      }
    });

    test('each version has the same rows without the database', async () => {
      const context = await nights();
      const before = await seenBy(context);
      rmSync(join(lab.folder, 'backy.sqlite'));
      for (const [index, { uid, ...version }] of before.versions.entries()) {
        const backy = new Backy(withNewDatabase(context));
        await backy.openFromStore({ kind: 'uid', uid });
        expect(await backy.list({})).toEqual([{ uid, ...version }]);
        expect(await exportOf(backy, uid)).toBe(before.exports[index]);
        await backy.close();
      }
    });
  });
});
