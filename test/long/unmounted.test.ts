import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileFaultyIo } from '../support/faults/faulty-io.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStored } from '../support/labs/check-store.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needTool('gcc', '--version'));
const library = skip ? '' : await compileFaultyIo();
const BLOCK = 65_536;
const BLOCKS = 500;
const image = noise(BLOCKS * BLOCK, 'image');

let lab: Lab;
let uid: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2 });
  uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
});
afterEach(() => lab.remove());

describe('a data folder that is unmounted while a backup finds all of its blocks there', () => {
  test.skipIf(skip).each([[[]], [['lost+found']]])(
    `and holds %j then: exit 6, and no row of the older version changes${note}`,
    async (folders: string[]) => {
      const [blobs, rows] = [lab.blobs(), lab.blocks(uid)];
      const fault = { FAULT_PATH: lab.path('image'), FAULT_OFFSET: '0', FAULT_KIND: 'hold' };
      const env = { LD_PRELOAD: library, ...fault, FAULT_RELEASE: lab.path('release') };
      const running = lab.start(['-m', 'backup', `file://${lab.path('image')}`, 'vm'], { env });
      // The version exists: the store was checked. No block was read.
      await expect.poll(() => running.stdout).toMatch(/\S/);
      renameSync(lab.dataPath, lab.path('mounted'));
      for (const folder of folders) mkdirSync(join(lab.dataPath, folder), { recursive: true });
      lab.write('release', '');
      const { code, stderr } = await running.ended;
      expect(stderr).toMatch(/has no store id any more, and was store|is empty, but the database names blobs in it/);
      expect(code).toBe(6);
      expect(lab.blocks(uid)).toEqual(rows);
      expect(lab.query('SELECT * FROM deleted_blocks')).toEqual([]);

      // Once it is mounted again, nothing is lost, and the backup can be resumed.
      rmSync(lab.dataPath, { recursive: true, force: true });
      renameSync(lab.path('mounted'), lab.dataPath);
      await lab.ok('cleanup', '--dangerous-force');
      expect(lab.blobs()).toEqual(blobs);
      await lab.ok('backup', '-c', uidOf(running.stdout), `file://${lab.path('image')}`, 'vm');
      checkStored(lab, new Map([uid, uidOf(running.stdout)].map((version) => [version, sha256(image)])));
    },
  );
});
