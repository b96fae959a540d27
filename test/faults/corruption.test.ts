import { existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Layout } from '../../src/model/layout.ts';
import {
  blobCorruptions,
  blobRowCorruptions,
  type Corruption,
  exportCorruptions,
  mapCorruptions,
  pageCorruptions,
  rowCorruptions,
} from '../support/faults/corruptions.ts';
import { follow, Tally } from '../support/faults/summary.ts';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { encrypted } from '../support/labs/encryption.ts';
import { Lab } from '../support/labs/lab.ts';
import { layoutOf } from '../support/runner/layout-turn.ts';
import { isTurn, shardText } from '../support/runner/rotation.ts';

const BLOCK = 4096;
const SEED = runSeed();
/** Bits that are flipped in each kind of page. */
const EACH = Number(process.env.BACKY_FAULT_PAGES ?? 6);
/** Odd, so that each shard meets both layouts. */
const SHARDS = 3;
const BLOCK_COLUMNS = [
  ...['uid', 'version_uid', 'id', 'date', 'checksum', 'size', 'valid', 'enc_version', 'enc_envkey', 'enc_nonce'],
];
const VERSION_COLUMNS = ['uid', 'date', 'expire', 'name', 'snapshot_name', 'size', 'size_bytes', 'valid', 'protected'];

const image = Buffer.concat([noise(60 * BLOCK, 'corrupt'), Buffer.alloc(4 * BLOCK), noise(20 * BLOCK + 999, 'corrupt end')]);
const SUM = sha256(image);

const tally = new Tally(SEED);
afterAll(() => tally.print());

/** In each run, one of the two stores has the compact layout. */
const ONE = layoutOf('flipped bits');
const OTHER: Layout = ONE === 'compact' ? 'classic' : 'compact';

describe.each([
  ['plain blobs', ONE, {}],
  ['encrypted blobs', OTHER, encrypted()],
] as const)(`one flipped bit in what is stored, %s, %s layout, ${shardText(SHARDS)} [seed ${SEED}]`, (what, layout, config) => {
  const kind = `${what}, ${layout}`;
  let model: Lab;
  let uid: string;
  beforeAll(async () => {
    model = await Lab.create({ blockSize: BLOCK, workers: 1, layout, config });
    uid = await model.backup('-s', 'snapshot', '-e', '2031-02-03 04:05:06', `file://${model.write('image', image)}`, 'vm');
    await model.backup(`file://${model.write('other', noise(9 * BLOCK, 'other'))}`, 'other');
    await model.ok('export', uid, model.path('export.csv'));
  }, 120_000);
  afterAll(() => model.remove());

  const rows: Record<Layout, [string, () => Corruption[]][]> = {
    classic: [
      ['of a block row', () => rowCorruptions('blocks', BLOCK_COLUMNS, `version_uid = '${uid}' AND id = 5`)],
      ['of the last block row', () => rowCorruptions('blocks', BLOCK_COLUMNS, `version_uid = '${uid}' AND id = 84`)],
      ['of a sparse block row', () => rowCorruptions('blocks', BLOCK_COLUMNS, `version_uid = '${uid}' AND id = 61`)],
    ],
    compact: [
      ["of a blob's row", () => blobRowCorruptions(model, uid, 5)],
      ['of a leaf or map', () => mapCorruptions(uid)],
    ],
  };
  const groups: [string, () => Corruption[]][] = [
    ['of a blob', () => blobCorruptions(uid, 3)],
    ...rows[layout],
    ['of a version row', () => rowCorruptions('versions', VERSION_COLUMNS, `uid = '${uid}'`)],
    ['of a page of SQLite', () => pageCorruptions(model.databasePath, EACH)],
  ];

  test.each(groups)(
    '%s is detected or harmless: a restore that reports success is right',
    async (_, corruptions) => {
      await each(corruptions(), async (lab, region) => {
        const target = lab.path('target');
        const checked = /^backy2_/.test(region) ? await lab.run(['check-metadata']) : undefined;
        const restored = await lab.run(['restore', uid, `file://${target}`]);
        const isRight = existsSync(target) && sha256OfFile(target) === SUM;
        if (restored.code === 0) expect(isRight, `${region}: restore says it is right`).toBe(true);
        const scrubbed = await lab.run(['scrub', uid]);
        for (const { code, stdout, stderr } of [restored, scrubbed, ...(checked === undefined ? [] : [checked])]) {
          expect(stdout + stderr, `${region}: a stack trace`).not.toMatch(/^\s+at .*:\d+:\d+/m);
          expect([0, 1, 6, 20, 100], `${region}: exit code; ${stderr}`).toContain(code);
          if (code !== 0) expect(stderr, region).toMatch(/ERROR: \S/);
        }
        if (region.startsWith('blob')) {
          expect([restored.code, scrubbed.code], region).toEqual([20, 20]);
          expect(restored.stderr, region).toMatch(/block 3 /);
        }
        // A blob's row that looks right is wrong only beside its blob.
        if (checked !== undefined && (checked.code !== 0 || !region.startsWith('backy2_blobs'))) {
          expect(checked.code, region).toBe(20);
          const place = region.startsWith('backy2_blobs') ? ', block 5:' : '';
          expect(checked.stderr, region).toMatch(new RegExp(`Version ${uid} .*${place}`));
        }
        tally.add(`${kind}: ${region}`, restored.code !== 0 ? 'restore' : scrubbed.code !== 0 ? 'scrub' : 'harmless');
      });
    },
    600_000,
  );

  test('of an export is detected by import, scrub or restore, or harmless', async () => {
    await each(exportCorruptions(model.path('export.csv')), async (lab, region) => {
      await lab.ok('rm', uid);
      const imported = await lab.run(['import', lab.path('flipped.csv')]);
      expect(imported.stdout + imported.stderr, region).not.toMatch(/^\s+at .*:\d+:\d+/m);
      expect([0, 23, 100], `${region}: ${imported.stderr}`).toContain(imported.code);
      const there = lab.versions().find(({ name }) => name !== 'other');
      if (imported.code !== 0) expect(there, region).toBeUndefined();
      const target = lab.path('target');
      const restored = there === undefined ? undefined : await lab.run(['restore', there.uid, `file://${target}`]);
      if (restored?.code === 0) expect(sha256OfFile(target), `${region}: restore says it is right`).toBe(SUM);
      tally.add(`${kind}: ${region}`, imported.code !== 0 ? 'open' : restored?.code !== 0 ? 'restore' : 'harmless');
      rmSync(target, { force: true });
    });
  }, 600_000);

  /**
   * Tries those of this run, two at a time, each on a copy of its own, and reports all failures.
   */
  async function each(all: Corruption[], body: (lab: Lab, region: string) => Promise<void>): Promise<void> {
    const corruptions = all.filter((_, index) => isTurn(index, SHARDS));
    const random = seededRandom(SEED);
    const failures: string[] = [];
    const work = async () => {
      for (let one = corruptions.pop(); one !== undefined; one = corruptions.pop()) {
        const lab = await model.clone('copied');
        try {
          if (one.apply(lab, random)) await body(lab, one.region);
        } catch (error) {
          failures.push(error instanceof Error ? error.message : String(error));
          follow(`FAILED ${kind}: ${failures.at(-1)}`);
        } finally {
          lab.remove();
        }
      }
    };
    await Promise.all([work(), work()]);
    expect(failures).toEqual([]);
  }
});
