import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MassDamageCheck } from '../../../../src/core/serve/mass-damage-check.ts';
import { checkStore } from '../../../../src/core/store/check-store.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { blobPath } from '../../../../src/data/file/blob-paths.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOBS = 40;
const MINUTE = 60_000;

let lab: CoreLab;
let uids: string[];
/** Logged errors: one for each check that found mass damage. */
let errors: string[];
let now: number;
let check: MassDamageCheck;
beforeEach(async () => {
  lab = await CoreLab.create();
  await checkStore(lab.context);
  uids = Array.from({ length: BLOBS }, newBlobUid);
  const rows = uids.map((uid, id) => ({
    ...{ id, uid, checksum: `c${id}`, size: BLOCK_SIZE, encVersion: 0, envKey: null, nonce: null, found: false },
  }));
  await lab.wholeVersion('v', rows);
  store();
  errors = [];
  now = 1_000;
  const logger = { ...lab.context.logger, error: (text: string) => void errors.push(text) };
  check = new MassDamageCheck({ ...lab.context, logger, random: Math.random }, 'v', () => now);
});
afterEach(() => lab.dispose());

function store(): void {
  for (const uid of uids) {
    mkdirSync(dirname(blobPath(lab.dataPath, uid)), { recursive: true });
    writeFileSync(blobPath(lab.dataPath, uid), 'bytes');
  }
}
function lose(): void {
  for (const uid of uids) rmSync(blobPath(lab.dataPath, uid));
}

it('reuses a result of mass damage for a minute, and logs it once', async () => {
  lose();
  expect(await check.isMassDamage()).toBe(true);
  store();
  now += MINUTE - 1;
  expect(await check.isMassDamage()).toBe(true);
  expect(errors).toHaveLength(1);
  now += 1;
  expect(await check.isMassDamage()).toBe(false);
});

it('reuses a result without damage for a minute', async () => {
  expect(await check.isMassDamage()).toBe(false);
  lose();
  now += MINUTE - 1;
  expect(await check.isMassDamage()).toBe(false);
  now += 1;
  expect(await check.isMassDamage()).toBe(true);
});

it('reuses the failure of a wrong store for a minute', async () => {
  rmSync(lab.dataPath, { recursive: true });
  mkdirSync(lab.dataPath);
  await expect(check.isMassDamage()).rejects.toMatchObject({ code: 'wrongStore' });
  rmSync(lab.dataPath, { recursive: true });
  store();
  await expect(check.isMassDamage()).rejects.toMatchObject({ code: 'wrongStore' });
  now += MINUTE;
  expect(await check.isMassDamage()).toBe(false);
});
