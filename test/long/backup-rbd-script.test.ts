import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { OBJECT, PREFIX, type RbdLab, resized, withRbdLab } from '../support/labs/rbd-lab.ts';

const BLOCK = 4096;
const TIME = '2026-11-24T08:00:00.123Z';
/** Snapshots of others; some look much like the script's own. */
const FOREIGN = [
  'before-upgrade',
  `${PREFIX}precious`,
  `${PREFIX}${TIME}-copy`,
  `x${PREFIX}${TIME}`,
  `backy2.test-2-${TIME}`,
  `${PREFIX.replace('.', 'x')}${TIME}`,
  `a b" $(id) '\\`,
  `","name":"${PREFIX}${TIME}`,
];

describe('docs/scripts/backup-rbd.sh', () => {
  test('backs up in full, then what was changed, discarded, grown and cut; all versions restore', async () => {
    await withRbdLab(async (rbd) => {
      const { lab } = rbd;
      const oracle = new Map<string, string>();
      let image: Buffer = Buffer.concat([noise(20 * OBJECT, 'image'), Buffer.alloc(20 * OBJECT), noise(5 * OBJECT + 700, 'end')]);
      const run = async () => {
        rbd.writeImage('vms/vm1', image);
        const said = await rbd.ok('vm1');
        expect(rbd.snapshots('vms/vm1').slice(0, -1)).toEqual(FOREIGN);
        expect(rbd.ownSnapshots('vms/vm1')).toHaveLength(1);
        expect(rbd.temporaryFiles()).toEqual([]);
        const uid = rbd.versionOfSnapshot('vms/vm1');
        oracle.set(uid, sha256(image));
        expect(lab.version(uid)).toMatchObject({ name: 'vm1', size_bytes: image.length });
        return { said, read: bytesRead(rbd, uid), uid };
      };
      rbd.writeImage('vms/vm1', image);
      for (const name of FOREIGN) expect((await rbd.rbd(['snap', 'create', `vms/vm1@${name}`])).code).toBe(0);

      const full = await run();
      expect(full.said).toContain('vms/vm1: Full backup.');
      expect(full.said).toContain(`Version ${full.uid} of snapshot ${rbd.ownSnapshots('vms/vm1')[0]} is valid.`);
      // Unused objects are not read: rbd does not list them.
      expect(full.read).toBe(25 * OBJECT + 700);

      noise(100, 'change').copy(image, 3 * OBJECT - 50);
      noise(OBJECT, 'into the hole').copy(image, 30 * OBJECT);
      const changed = await run();
      expect(changed.said).toContain(`and version ${full.uid}.`);
      expect(changed.read).toBe(3 * OBJECT);

      image.fill(0, 5 * OBJECT, 9 * OBJECT);
      const discarded = await run();
      expect(discarded.said).toContain(`and version ${changed.uid}.`);
      expect(discarded.read).toBe(0);
      expect(bytesSparse(rbd, discarded.uid)).toBeGreaterThanOrEqual(4 * OBJECT);

      image = resized(image, 50 * OBJECT + 300);
      const grown = await run();
      expect(grown.said).toContain(`and version ${discarded.uid}.`);

      image = Buffer.concat([image.subarray(0, 48 * OBJECT + 5), noise(OBJECT, 'new end')]);
      await run();
      image = image.subarray(0, 10 * OBJECT - 5);
      const cut = await run();
      expect(cut.said).toContain('Differential backup');

      expect(oracle.size).toBe(6);
      await checkRestores(lab, oracle);
    });
  });

  test('accepts names with any characters that rbd permits, namespaces, and several images at once', async () => {
    await withRbdLab(async (rbd) => {
      const names = [`- |"'\`$(touch pwned)\${HOME};{snap}{image}*&\\ü=%s#~`, 'line\nbreak', 'ns 1/vm'];
      const write = (round: number) => {
        for (const name of names) rbd.writeImage(`vms/${name}`, noise(3 * OBJECT + round * BLOCK, `${name} ${round}`));
      };
      write(0);
      // The namespace belongs to the pool; the other images are in the pool of the environment.
      const args = ['--', ...names.slice(0, 2), 'vms/ns 1/vm'];
      await rbd.ok(...args);
      write(1);
      const said = await rbd.ok(...args);
      expect(said.match(/Differential backup/g)).toHaveLength(3);
      for (const name of names) {
        const uid = rbd.versionOfSnapshot(`vms/${name}`);
        expect(rbd.lab.version(uid).name).toBe(name.replace(/^.*\//, ''));
        expect(await rbd.lab.restoredSha256(uid)).toBe(sha256(rbd.image(`vms/${name}`)));
      }
      expect(existsSync(rbd.lab.path('pwned'))).toBe(false);
      // A terminal must not interpret a name.
      expect(said).toContain("backup-rbd: $'vms/line\\nbreak': ");
    });
  });

  test('takes its settings from options too, which take precedence', async () => {
    await withRbdLab(async (rbd) => {
      const image = noise(2 * OBJECT, 'image');
      rbd.writeImage('ssd/vm1', image);
      const env = {
        BACKY_RBD_POOL: 'none',
        BACKY_SNAPSHOT_PREFIX: 'x-',
        BACKY_CONFIGFILE: '/none',
        BACKY_SOURCE_TEMPLATE: '{image}{snap}',
      };
      const source = `--source=file://${rbd.lab.path('rbd')}/{pool}/{image}/snaps/{snap}`;
      const locks = rbd.lab.path('more-locks');
      const words = ['-p', 'ssd', '--prefix', PREFIX, '-c', rbd.lab.path('backy.cfg'), source, '--name', '{pool}:{image}'];
      const more = ['-t', 'a,b', '-e', '2031-02-03', '-v', '--lock-dir', rbd.lab.write('more-locks', '')];
      const refused = await rbd.run([...words, ...more, 'vm1'], { env });
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(
        new RegExp(`^backup-rbd: ssd/vm1: The lock file ${locks}/backup-rbd\\.[0-9a-f]{16}\\.lock can't be`),
      );

      const { code, stdout } = await rbd.run([...words, ...more, '--lock-dir', rbd.lab.path('locks'), 'vm1'], { env });
      expect(code).toBe(0);
      expect(stdout).toContain('INFO: Backy complete.');
      const uid = rbd.versionOfSnapshot('ssd/vm1');
      expect(rbd.lab.version(uid)).toMatchObject({ name: 'ssd:vm1', expire: expect.stringMatching(/^2031-02-03 /) });
      expect(rbd.lab.tags(uid)).toEqual(['a', 'b']);
      await checkRestores(rbd.lab, new Map([[uid, sha256(image)]]));
    });
  });

  test('maps snapshots as devices if the source needs one, and unmaps them, including those of a killed run', async () => {
    await withRbdLab(async (rbd) => {
      const options = { env: { BACKY_SOURCE_TEMPLATE: 'file://{device}' } };
      const images = [0, 1, 2].map((round) => noise(2 * OBJECT, `image ${round}`));
      const run = async (image: Uint8Array, fault = '') => {
        rbd.writeImage('vms/vm1', image);
        return rbd.run(['vm1'], { ...options, fault });
      };
      expect(await run(images[0] ?? Buffer.alloc(0), ' backup -s:kill')).toMatchObject({ signal: 'SIGKILL' });
      const left = rbd.ownSnapshots('vms/vm1');
      expect(rbd.mapped('vms/vm1')).toEqual(left);
      const { code, stderr } = await run(images[1] ?? Buffer.alloc(0), 'device map:fail');
      expect({ code, stderr }).toEqual({ code: 77, stderr: expect.stringContaining("can't be mapped.") });
      expect(rbd.ownSnapshots('vms/vm1')).toEqual(left);
      expect(await run(images[2] ?? Buffer.alloc(0))).toMatchObject({ code: 0, stderr: '' });
      expect(rbd.mapped('vms/vm1')).toEqual([]);
      expect(await rbd.lab.restoredSha256(rbd.versionOfSnapshot('vms/vm1'))).toBe(sha256(rbd.image('vms/vm1')));
    });
  });

  test('reads rbd://pool/image@snapshot by default, with a prefix of this host', async () => {
    await withRbdLab(async (rbd) => {
      rbd.writeImage('vms/vm1', noise(OBJECT, 'image'));
      const { code } = await rbd.run(['vm1'], {
        env: { BACKY_SOURCE_TEMPLATE: '', BACKY_SNAPSHOT_PREFIX: '' },
        fault: 'backy2 -c:fail',
      });
      expect(code).toBe(77);
      const call = rbd.calls().find((line) => line.includes('backup')) ?? '';
      expect(call).toMatch(/ rbd:\/\/vms\/vm1@backy2-[A-Za-z0-9.-]+-\d{4}-\d\d-\d\dT[\d:.]{12}Z\\ vm1$/);
    });
  });
});

function bytesRead(rbd: RbdLab, uid: string): number {
  return stats(rbd, uid).bytes_read ?? -1;
}

function bytesSparse(rbd: RbdLab, uid: string): number {
  return stats(rbd, uid).bytes_sparse ?? -1;
}

function stats({ lab }: RbdLab, uid: string): Record<string, number> {
  return lab.query<Record<string, number>>('SELECT * FROM stats WHERE version_uid = ?', uid)[0] ?? {};
}
