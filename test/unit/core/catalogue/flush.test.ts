import { afterEach, expect, test } from 'vitest';
import { flushCatalogue } from '../../../../src/core/catalogue/flush.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { CatalogueLab } from '../../../support/labs/catalogue-lab.ts';
import { KEY_A } from '../../../support/labs/encryption.ts';
import { FakeS3, s3Error } from '../../../support/servers/fake-s3.ts';

let lab: CatalogueLab;
afterEach(() => lab.dispose());

const sealed = { version: 1, key: KEY_A, compressionLevel: 1 };

test('a data backend that does not answer is asked for its identity alone: that gives up soon', async () => {
  lab = await CatalogueLab.create('classic', { encryption: sealed });
  await removeVersion(lab.context, await lab.backup([0]), true);
  const fake = await FakeS3.start();
  fake.rule = () => s3Error(503, 'SlowDown');
  try {
    await flushCatalogue({ ...lab.context, data: { ...lab.context.data, backend: fake.options() } });
  } finally {
    fake.stop();
  }
  expect(new Set(fake.requests.map(({ query }) => query.get('prefix')))).toEqual(new Set(['backy2-store-']));
  expect(lab.warnings.at(-1)).toMatch(/^The catalogue in the data backend is not up to date/);
});

test('a version that waits for its key does not keep others', async () => {
  lab = await CatalogueLab.create('classic');
  const encrypted = { ...lab.context, settings: { ...lab.context.settings, encryption: sealed } };
  const waits = await lab.backup([0], { name: 'a', context: encrypted });
  const plain = await lab.backup([1], { name: 'b', content: 'y' });
  for (const uid of [waits, plain]) await lab.core.meta.markManifestStale(uid);
  await lab.core.meta.addTags(plain, ['new']);
  await lab.flush();
  expect(await lab.core.meta.staleVersions()).toEqual([waits]);
});
