import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bootDisk, SECTOR } from '../support/images/boot-disk.ts';
import { STORES } from '../support/images/images.ts';
import { sha256 } from '../support/images/sha256.ts';
import { Lab } from '../support/labs/lab.ts';
import { PATH_WITH_SBIN, Running } from '../support/program/process.ts';
import { endServing, type Serving, startNbd, stopServing } from '../support/program/serving.ts';
import { findProgram } from './packages.ts';

const BLOCK = 65536;
const TEXT = 'Booted from a backup.\r\n';
/** The second lies in blocks of zeros. */
const [FROM, TO] = [12_345, 6_000];
const disk = bootDisk(16_384, { text: TEXT, from: FROM, to: TO });

describe.each(STORES)(
  'a machine boots from its backup ($store)',
  ({ options }) => {
    let lab: Lab;
    let uid: string;
    let server: Serving & { socket: string };
    beforeEach(async () => {
      lab = await Lab.create({ blockSize: BLOCK, ...options });
      lab.configure({ DEFAULTS: { cachedir: lab.path('home') } });
      uid = await lab.backup(`file://${lab.write('disk', disk)}`, 'web');
    });
    afterEach(async () => {
      await endServing(server);
      lab.remove();
    });

    /** Boots the machine and waits until it powers off. @returns its output on the serial line. */
    async function boot(): Promise<string> {
      const serial = lab.path('serial');
      const drive = `file=nbd+unix:///?socket=${server.socket},format=raw,if=virtio`;
      const words = ['-m', '64', '-nic', 'none', '-display', 'none', '-serial', `file:${serial}`, '-no-reboot', '-drive', drive];
      const machine = new Running([findProgram('qemu-system-x86_64'), ...words], {
        env: { PATH: PATH_WITH_SBIN },
        timeoutMs: 100_000,
      });
      expect(await machine.ended).toMatchObject({ code: 0, stderr: '' });
      return readFileSync(serial, 'latin1');
    }

    test('reads and writes its disk, and the version does not change', async () => {
      const before = lab.dump();
      server = await startNbd(lab, '--export', 'web');
      expect(await boot()).toBe(TEXT);
      expect(await stopServing(server)).toMatchObject({ code: 0, stderr: '' });
      expect(lab.dump()).toEqual(before);
      expect(await lab.restoredSha256(uid)).toBe(sha256(disk));
    });

    test('becomes a new version after shutdown, with --save', async () => {
      const blobs = lab.blobs().length;
      server = await startNbd(lab, '--export', 'web', '--save');
      expect(await boot()).toBe(TEXT);
      await expect.poll(() => server.running.stdout.trim().split('\n').length).toBe(2);
      const saved = server.running.stdout.trim().split('\n')[1] ?? '';
      const written = Buffer.from(disk);
      disk.copy(written, TO * SECTOR, FROM * SECTOR, (FROM + 1) * SECTOR);
      expect(await lab.restoredSha256(saved)).toBe(sha256(written));
      expect(await lab.restoredSha256(uid)).toBe(sha256(disk));
      expect(lab.tags(saved)).toEqual(['nbd']);
      expect(lab.blobs().length - blobs).toBe(1);
    });
  },
  120_000,
);
