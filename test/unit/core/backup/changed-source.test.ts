import { appendFileSync, chmodSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { backup } from '../../../../src/core/backup/backup.ts';
import { noise } from '../../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

/** Backs a file up while `meanwhile` happens. @returns what the user learns. */
async function backUp(
  meanwhile: (path: string) => void,
): Promise<{ warnings: string[]; sourceChanged: boolean; valid: boolean }> {
  const warnings: string[] = [];
  const settings = { ...lab.context.settings, workers: undefined };
  const logger = { ...lab.context.logger, warning: (text: string) => warnings.push(text) };
  const source = lab.source(noise(3 * BLOCK_SIZE, 'image'));
  const onVersion = () => meanwhile(join(lab.folder, 'image'));
  const { uid, sourceChanged } = await backup({ ...lab.context, settings, logger }, { source, name: 'vm', onVersion });
  return { warnings, sourceChanged, valid: (await lab.version(uid)).valid };
}

test.each<[string, (path: string) => void]>([
  ['grows', (path) => appendFileSync(path, 'more')],
  ['is written', (path) => writeFileSync(path, noise(3 * BLOCK_SIZE, 'other'))],
  ['has another time', (path) => utimesSync(path, 1, 1)],
  [
    'is replaced',
    (path) => {
      writeFileSync(`${path}.new`, noise(3 * BLOCK_SIZE, 'other'));
      renameSync(`${path}.new`, path);
    },
  ],
])('a backup of a file that %s meanwhile is valid, with a warning that says what to do', async (_, meanwhile) => {
  const { warnings, ...outcome } = await backUp(meanwhile);
  expect(outcome).toEqual({ sourceChanged: true, valid: true });
  expect(warnings).toEqual([expect.stringMatching(/^file:.*image changed while it was read: .* Back up a snapshot/)]);
});

test('a file that only gets another mode has not changed', async () => {
  expect(await backUp((path) => chmodSync(path, 0o600))).toEqual({ warnings: [], sourceChanged: false, valid: true });
});
