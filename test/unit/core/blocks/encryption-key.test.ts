import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proveKeyForReading, proveKeyForReadingAll, proveKeyForWriting } from '../../../../src/core/blocks/encryption-key.ts';
import { rekey } from '../../../../src/core/upkeep/rekey.ts';
import { masterKeyOf, wrapKey } from '../../../../src/data/codec/key-wrap.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';
import { KEY_A, KEY_B } from '../../../support/labs/encryption.ts';

const REFUSED = { code: 'encryption', exitCode: 100 };

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

const withKey = (key: string | undefined, version = 1) => {
  const { context } = lab;
  // The lab's rows have no blobs: no data backend belongs to them.
  return { ...context, settings: { ...context.settings, catalogue: false, encryption: { version, key, compressionLevel: 1 } } };
};

const withoutSettings = () => {
  const { context } = lab;
  const encryption = { version: 0, isAssumed: true, key: undefined, compressionLevel: 1 };
  return { ...context, settings: { ...context.settings, encryption } };
};

const sealedRow = (id: number, envKey: string): BackupRow => ({
  ...{ id, uid: `blob${id}`, checksum: `${id}`, size: BLOCK_SIZE, encVersion: 1, nonce: 'aa'.repeat(16), found: false },
  envKey,
});
const wrappedWith = (key: string) => wrapKey(masterKeyOf(key), randomBytes(32));
const DAMAGED = 'ab'.repeat(40);

describe('where blocks are encrypted with one key', () => {
  beforeEach(async () => {
    await lab.wholeVersion('v1', [sealedRow(0, DAMAGED), sealedRow(1, wrappedWith(KEY_A))]);
  });

  it('that key may write and read, though one wrapped key is damaged', async () => {
    await proveKeyForWriting(withKey(KEY_A));
    await proveKeyForReading(withKey(KEY_A), await lab.version('v1'));
    await proveKeyForReadingAll(withKey(KEY_A));
  });

  it.each([
    [KEY_B, REFUSED],
    [undefined, { code: 'config', exitCode: 1 }],
  ])('the key %s may not', async (key, refusal) => {
    const context = withKey(key);
    await expect(proveKeyForWriting(context)).rejects.toMatchObject(refusal);
    await expect(proveKeyForReading(context, await lab.version('v1'))).rejects.toMatchObject(REFUSED);
    await expect(proveKeyForReadingAll(context)).rejects.toMatchObject(REFUSED);
  });

  it('unencrypted blocks are written with any key', () => proveKeyForWriting(withKey(undefined, 0)));

  it('without any setting nothing is written: the key was lost', async () => {
    await expect(proveKeyForWriting(withoutSettings())).rejects.toMatchObject({ code: 'config', exitCode: 1 });
  });

  it('a rekey from a wrong key changes nothing', async () => {
    const before = await lab.meta.blockPage('v1', -1, 10);
    await expect(rekey(withKey(KEY_A), KEY_B)).rejects.toMatchObject(REFUSED);
    expect(await lab.meta.blockPage('v1', -1, 10)).toEqual(before);
  });

  it('a rekey stops at a valid block whose key is damaged, with nothing changed, and passes over a bad one', async () => {
    const before = await lab.meta.blockPage('v1', -1, 10);
    await expect(rekey(withKey(KEY_B), KEY_A)).rejects.toMatchObject(REFUSED);
    expect(await lab.meta.blockPage('v1', -1, 10)).toEqual(before);
    await lab.meta.markBlobsInvalid([{ uid: 'blob0', checksum: '0' }]);
    expect(await rekey(withKey(KEY_B), KEY_A)).toMatchObject({ blocksRekeyed: 1, blocksLeft: 1 });
    await proveKeyForWriting(withKey(KEY_B));
    await expect(proveKeyForWriting(withKey(KEY_A))).rejects.toMatchObject(REFUSED);
  });
});

it('where nothing is encrypted, version 1 without a key writes nothing, but reads', async () => {
  const plain = { id: 0, uid: 'b', checksum: '0', size: BLOCK_SIZE, encVersion: 0, envKey: '', nonce: null, found: false };
  await lab.wholeVersion('v1', [plain]);
  await expect(proveKeyForWriting(withKey(undefined))).rejects.toMatchObject({ code: 'config', exitCode: 1 });
  await proveKeyForReading(withKey(undefined), await lab.version('v1'));
  await proveKeyForReadingAll(withKey(undefined));
});

it('where nothing is encrypted, writing without any setting warns once per run, of both options', async () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warning: (text: string) => warnings.push(text) };
  const context = { ...withoutSettings(), logger };
  await proveKeyForWriting(context);
  await proveKeyForWriting({ ...context });
  expect(warnings).toEqual([expect.stringMatching(/encryption_key.*encryption_version/)]);
  await proveKeyForWriting({ ...withoutSettings(), logger });
  expect(warnings).toHaveLength(2);
});

it('a version all of whose few keys are damaged is read when the key is that of a newer one', async () => {
  await lab.wholeVersion('v1', [sealedRow(0, DAMAGED)]);
  await expect(proveKeyForReading(withKey(KEY_A), await lab.version('v1'))).rejects.toMatchObject(REFUSED);
  lab.now = new Date(lab.now.getTime() + 1000);
  await lab.wholeVersion('v2', [sealedRow(0, wrappedWith(KEY_A))]);
  await proveKeyForReading(withKey(KEY_A), await lab.version('v1'));
});
