import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileFaultyIo } from '../support/faults/faulty-io.ts';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { checkRestores, checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import { lacking, needTool } from '../support/runner/machine.ts';
import { filesOnly } from '../support/stores/files-only.ts';

// Long, because it is one list: the rows of the table of deliberate differences in the
// specification.

const gcc = lacking(await needTool('gcc', '--version'));
const library = gcc.skip ? '' : await compileFaultyIo();
const BLOCK = 4096;
const NOBODY = '11111111-1111-1111-8111-111111111111';

let lab: Lab;
const oracle = new Map<string, string>();
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
  oracle.clear();
});
afterEach(() => lab.remove());

/** Writes the image and backs it up; the version must always restore to it. */
async function backedUp(image: Buffer, ...args: string[]): Promise<string> {
  const uid = await lab.backup(...args, `file://${lab.write('image', image)}`, 'vm');
  oracle.set(uid, sha256(image));
  return uid;
}

function hints(...entries: { offset: number; length: number; exists: boolean }[]): string {
  return lab.write('hints', JSON.stringify(entries));
}

filesOnly('plan of a backup', () => {
  describe('deliberate differences from the original, hints and bases', () => {
    test('the whole hints file is read, not only its first line', async () => {
      const base = await backedUp(noise(20 * BLOCK, 'image'));
      const next = Buffer.concat([noise(BLOCK, 'new'), noise(20 * BLOCK, 'image').subarray(BLOCK)]);
      next.fill(9, 19 * BLOCK);
      const file = lab.write(
        'lines',
        `[\n{"offset": 0,\n "length": ${BLOCK}, "exists": true},\n\n{"offset": ${19 * BLOCK}, "length": 5, "exists": true}]\n`,
      );
      await backedUp(next, '-r', file, '-f', base);
      await checkRestores(lab, oracle);
    });

    test.each([1, 2, 4])('%i blocks outside of the hints are enough for the sanity check', async (count) => {
      const image = noise(10 * BLOCK, 'image');
      const base = await backedUp(image);
      const changed = Buffer.concat([noise((10 - count) * BLOCK, 'new'), image.subarray((10 - count) * BLOCK)]);
      await backedUp(changed, '-r', hints({ offset: 0, length: (10 - count) * BLOCK, exists: true }), '-f', base);
      await checkRestores(lab, oracle);
    });

    test.each([
      ['grows within its last block', 5 * BLOCK + 100, 5 * BLOCK + 900],
      ['grows by blocks', 5 * BLOCK + 100, 9 * BLOCK + 1],
      ['grows from whole blocks', 5 * BLOCK, 7 * BLOCK],
      ['is cut within a block', 9 * BLOCK, 5 * BLOCK + 7],
      ['is cut at a block', 9 * BLOCK + 5, 5 * BLOCK],
    ])('an image that %s loses no data though no hint names its end', async (_, before, after) => {
      const longest = noise(10 * BLOCK, 'image');
      const base = await backedUp(longest.subarray(0, before));
      await backedUp(longest.subarray(0, after), '-r', hints(), '-f', base);
      await checkRestores(lab, oracle);
    });

    test('a block that a hole only partly touches is read', async () => {
      const image = noise(6 * BLOCK, 'image');
      const base = await backedUp(image);
      const next = Buffer.from(image);
      next.fill(0, BLOCK + 100, 4 * BLOCK - 100);
      await backedUp(next, '-r', hints({ offset: BLOCK + 100, length: 3 * BLOCK - 200, exists: false }), '-f', base);
      await checkRestores(lab, oracle);
    });

    test('empty hints with a base are sampled like any others: a changed source is exit 5, and leaves no version', async () => {
      const base = await backedUp(noise(3 * BLOCK, 'image'));
      const source = `file://${lab.write('image', noise(3 * BLOCK, 'something else'))}`;
      const { code, stderr } = await lab.run(['backup', '-r', hints(), '-f', base, source, 'vm']);
      expect(code).toBe(5);
      expect(stderr).toMatch(
        /ERROR: Source and backup don't match in regions outside of the hints.*block \d.*offset \d+.*length \d+/,
      );
      expect(lab.versions()).toHaveLength(1);
      await checkStoreAndCleanUp(lab, oracle);
    });

    test('sparse base blocks are sampled as well', async () => {
      const base = await backedUp(Buffer.alloc(3 * BLOCK));
      const source = `file://${lab.write('image', noise(3 * BLOCK, 'data'))}`;
      expect((await lab.run(['backup', '-r', hints(), '-f', base, source, 'vm'])).code).toBe(5);
      expect(lab.versions()).toHaveLength(1);
    });
  });
});

describe('deliberate differences from the original, blobs', () => {
  filesOnly('probe by length', () => {
    test('dedup does not reuse a missing blob: the block is stored again, with a warning', async () => {
      const image = noise(5 * BLOCK, 'image');
      const first = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
      const lost = lab.blocks(first)[2]?.uid ?? '';
      lab.blob(lost).remove();
      const { code, stdout } = await lab.run(['backup', `file://${lab.path('image')}`, 'vm']);
      expect(code).toBe(0);
      expect(stdout).toContain(`WARNING: Blob ${lost} was not used again for block 2`);
      await lab.ok('rm', first);
      oracle.set(lab.versions()[0]?.uid ?? '', sha256(image));
      await checkStoreAndCleanUp(lab, oracle);
    });
  });

  test('equal blocks that are in flight at once are stored once', async () => {
    lab.configure({ DEFAULTS: { workers: 2 } });
    await backedUp(Buffer.concat(Array.from({ length: 300 }, () => noise(BLOCK, 'same'))));
    expect(lab.blobs()).toHaveLength(1);
    await checkRestores(lab, oracle);
  });

  test('-c reads blocks again that are marked invalid, before the version becomes valid', async () => {
    const image = noise(10 * BLOCK, 'image');
    const uid = await backedUp(image);
    const blob = lab.blobAt(uid, 4);
    blob.write(noise(BLOCK, 'rotten'));
    expect((await lab.run(['scrub', uid])).code).toBe(20);
    await lab.ok('backup', '-c', uid, `file://${lab.path('image')}`, 'vm');
    expect(lab.blobAt(uid, 4).uid).not.toBe(blob.uid);
    await checkStoreAndCleanUp(lab, oracle);
  });

  filesOnly('blob files', () => {
    test.skipIf(gcc.skip)(
      `blobs and their folders are durable before the rows that name them are written${gcc.note}`,
      async () => {
        lab.write('image', noise(5 * BLOCK, 'image'));
        const env = { LD_PRELOAD: library, TRACE_FILE: lab.path('trace') };
        expect((await lab.run(['backup', `file://${lab.path('image')}`, 'vm'], { env })).code).toBe(0);
        const trace = readFileSync(lab.path('trace'), 'utf8').split('\n');
        const renames = trace.flatMap((line, at) =>
          line.startsWith('rename\t') && line.endsWith('.blob') ? [{ line, at }] : [],
        );
        expect(renames).toHaveLength(5);
        const rowsWritten = trace.findIndex((line, at) => line.startsWith('database\t') && at > (renames[0]?.at ?? 0));
        for (const { line, at } of renames) {
          const [, from = '', to = ''] = line.split('\t');
          expect(at).toBeLessThan(rowsWritten);
          expect(trace.slice(0, at), 'the blob is synced before it gets its name').toContain(`fsync\t${from}\t`);
          for (const folder of [dirname(to), dirname(dirname(to)), lab.dataPath]) {
            expect(trace.slice(at, rowsWritten), 'its folders are synced before its row is written').toContain(
              `fsync\t${folder}\t`,
            );
          }
        }
      },
    );
  });

  filesOnly('blob folder', () => {
    test('cleanup keeps candidates whose blobs could not be deleted for the next run', async () => {
      const uid = await lab.backup(`file://${lab.write('image', noise(4 * BLOCK, 'image'))}`, 'vm');
      const stuck = lab.blobOf(uid, 2);
      const stuckUid = lab.blocks(uid)[2]?.uid;
      await lab.ok('rm', uid);
      // A folder in the blob's place cannot be deleted as a file, not even by root.
      renameSync(stuck, `${stuck}.aside`);
      mkdirSync(stuck);
      const { code, stderr } = await lab.run(['cleanup', '--dangerous-force']);
      expect(code).toBe(100);
      expect(stderr).toContain(`Cannot delete blob ${stuckUid}`);
      expect(lab.query('SELECT uid FROM deleted_blocks')).toEqual([{ uid: stuckUid }]);
      rmSync(stuck, { recursive: true });
      renameSync(`${stuck}.aside`, stuck);
      await lab.ok('cleanup', '--dangerous-force');
      expect(existsSync(stuck)).toBe(false);
      expect(lab.query('SELECT uid FROM deleted_blocks')).toEqual([]);
    });
  });

  test('the null data backend works without encryption: a null source restores and scrubs back', async () => {
    lab.configure({ DataBackend: { type: 'null' } });
    const uid = await lab.backup('null://100kB', 'null');
    await lab.ok('scrub', uid);
    await lab.ok('scrub', '-s', 'null://100kB', uid);
    await lab.ok('restore', uid, `file://${lab.path('target')}`);
    const expected = Buffer.alloc(100 * 1024, ' ');
    for (let id = 0; id < 25; id++) {
      expected.fill(0, id * BLOCK, id * BLOCK + 16);
      expected.writeUInt32LE(id, id * BLOCK);
    }
    expect(sha256OfFile(lab.path('target'))).toBe(sha256(expected));
  });
});

describe('deliberate differences from the original, scrub and restore', () => {
  test('after a missing blob scrub still reports each further block', async () => {
    const uid = await backedUp(noise(8 * BLOCK, 'image'));
    for (const id of [1, 5]) lab.blobAt(uid, id).remove();
    const { code, stderr } = await lab.run(['scrub', uid]);
    expect(code).toBe(20);
    expect([...stderr.matchAll(/Blob is missing during scrub for block (\d+)/g)].map(([, id]) => id).sort()).toEqual(['1', '5']);
    expect(lab.blocks(uid).flatMap(({ id, valid }) => (valid === 0 ? [id] : []))).toEqual([1, 5]);
  });

  test('a good full scrub makes blocks and version valid', async () => {
    const uid = await backedUp(noise(4 * BLOCK, 'image'));
    lab.sql('UPDATE blocks SET valid = 0 WHERE id IN (1, 2)');
    lab.sql('UPDATE versions SET valid = 0');
    await lab.ok('scrub', uid);
    expect(lab.version(uid).valid).toBe(1);
    expect(lab.blocks(uid).every(({ valid }) => valid === 1)).toBe(true);
    await checkStoreAndCleanUp(lab, oracle);
  });

  test.each(['0', '50', '99.9'])('scrub -p %s never makes an invalid version valid', async (percent) => {
    const uid = await backedUp(noise(4 * BLOCK, 'image'));
    lab.sql('UPDATE versions SET valid = 0');
    await lab.ok('scrub', '-p', percent, uid);
    expect(lab.version(uid).valid).toBe(0);
  });

  test('a missing or short source is an error of scrub -s and backup, not a hang', async () => {
    const uid = await backedUp(noise(8 * BLOCK, 'image'));
    lab.write('image', noise(3 * BLOCK, 'image'));
    for (const source of ['image', 'no such image']) {
      const { code, stderr } = await lab.run(['scrub', '-s', `file://${lab.path(source)}`, uid], { timeoutMs: 10_000 });
      expect(stderr).toContain(lab.path(source));
      expect(code).toBe(100);
    }
    const backup = await lab.run(['backup', `file://${lab.path('no such image')}`, 'vm'], { timeoutMs: 10_000 });
    expect(backup.code).toBe(100);
    await checkRestores(lab, oracle);
  });

  test('a differing source is reported with exit 20, and nothing is marked or reported as marked', async () => {
    const uid = await backedUp(noise(8 * BLOCK, 'image'));
    const changed = noise(8 * BLOCK, 'image');
    changed[5 * BLOCK + 3] = (changed[5 * BLOCK + 3] ?? 0) ^ 1;
    const result = await lab.run(['scrub', '-s', `file://${lab.write('changed', changed)}`, uid]);
    expect(result.code).toBe(20);
    expect(result.stderr).toContain('Source data has changed for block 5');
    expect(result.stdout + result.stderr).not.toContain('Marked');
    await checkRestores(lab, oracle);
  });

  test('sparse blocks are compared with the source too', async () => {
    const uid = await backedUp(Buffer.concat([noise(BLOCK, 'image'), Buffer.alloc(3 * BLOCK)]));
    const changed = Buffer.concat([noise(BLOCK, 'image'), Buffer.alloc(3 * BLOCK, 1)]);
    const { code, stderr } = await lab.run(['scrub', '-s', `file://${lab.write('changed', changed)}`, uid]);
    expect(code).toBe(20);
    for (const id of [1, 2, 3]) expect(stderr).toContain(`Source data has changed for block ${id}`);
    expect(lab.version(uid).valid).toBe(1);
  });

  test('a restore with bad and missing blocks continues, and exits 20', async () => {
    const image = noise(8 * BLOCK, 'image');
    const uid = await backedUp(image);
    lab.blobAt(uid, 2).remove();
    lab.blobAt(uid, 6).write(noise(BLOCK, 'rotten'));
    const { code, stderr } = await lab.run(['restore', uid, `file://${lab.path('target')}`]);
    expect(code).toBe(20);
    expect(stderr).toContain('2 of 8 blocks are wrong or missing');
    const expected = Buffer.from(image);
    expected.fill(0, 2 * BLOCK, 3 * BLOCK);
    noise(BLOCK, 'rotten').copy(expected, 6 * BLOCK);
    expect(sha256OfFile(lab.path('target'))).toBe(sha256(expected));
    expect(lab.version(uid).valid).toBe(0);
  });

  test('a version of 0 bytes is backed up, scrubbed and restored', async () => {
    await backedUp(Buffer.alloc(0));
    await checkStoreAndCleanUp(lab, oracle);
  });
});

describe('deliberate differences from the original, everything else', () => {
  test('log lines do not carry the name of the logger', async () => {
    const uid = await backedUp(noise(BLOCK, 'image'));
    const output = await lab.ok('scrub', uid);
    expect(output).toMatch(/^ {4}INFO: \$ backy2 .*scrub/);
    expect(output).toMatch(/ {4}INFO: Backy complete\.\n$/);
    expect(lab.log()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[\d+\] \$ backy2 /m);
    expect(output + lab.log()).not.toContain('[backy2.');
  });

  test('~/.backy.cfg is found', async () => {
    const uid = await backedUp(noise(BLOCK, 'image'));
    renameSync(lab.path('backy.cfg'), lab.path('home/.backy.cfg'));
    const { code, stdout } = await lab.startBare(['-ms', 'ls', '-f', 'uid'], { cwd: '/' }).ended;
    expect(stdout).toBe(`${uid}\n`);
    expect(code).toBe(0);
  });

  test.each([
    ['expire', [NOBODY, '2030-01-01']],
    ['add-tag', [NOBODY, 'a']],
    ['remove-tag', [NOBODY, 'a']],
  ])('%s of an unknown version exits 100', async (command, args) => {
    expect((await lab.run([command, ...args])).code).toBe(100);
  });

  test('a broken import changes nothing', async () => {
    const uid = await backedUp(noise(4 * BLOCK, 'image'));
    const exported = await lab.ok('-m', 'export', uid, '-');
    await lab.ok('rm', uid);
    const before = lab.dump();
    const half = lab.write('half', exported.split('\r\n').slice(0, -3).join('\r\n'));
    expect((await lab.run(['import', half])).code).toBe(23);
    expect(lab.dump()).toEqual(before);
  });

  filesOnly('file paths', () => {
    test('options that are not in the file named with -c have their defaults', async () => {
      const cfg = `[DEFAULTS]\nlogfile: ${lab.path('log')}\nencryption_version: 0\nlock_dir: ${lab.path('locks')}\nprocess_name: few\n`;
      const few = lab.write(
        'few.cfg',
        `${cfg}[MetaBackend]\nengine: sqlite:///${lab.databasePath}\n[DataBackend]\npath: ${lab.dataPath}\n`,
      );
      const source = `file://${lab.write('image', noise(5_000_000, 'image'))}`;
      const { code, stdout } = await lab.startBare(['-c', few, '-m', 'backup', source, 'vm']).ended;
      expect(code).toBe(0);
      const [first, second] = lab.blocks(uidOf(stdout));
      expect(first).toMatchObject({ size: 4_194_304 });
      expect(first?.checksum).toHaveLength(128);
      expect(second).toMatchObject({ size: 5_000_000 - 4_194_304 });
    });
  });

  test('a logfile that cannot be written is a clear error', async () => {
    lab.configure({ DEFAULTS: { logfile: lab.path('no/backy.log') } });
    const { code, stderr } = await lab.run(['ls']);
    expect(code).toBe(1);
    expect(stderr).toContain(`ERROR: Cannot write the logfile ${lab.path('no/backy.log')}`);
  });
});
