import { mkdirSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { sha256OfFile } from '../support/images/sha256.ts';
import { GoldenStore, isWhole } from '../support/old/golden-store.ts';
import { BINARY, PATH_WITH_SBIN, Running } from '../support/program/process.ts';

test.each(['enc0', 'enc1'])('shows the versions of a store that the original wrote (%s), byte for byte', async (store) => {
  const lab = GoldenStore.copy(store);
  const mnt = lab.path('mnt');
  mkdirSync(mnt);
  const env = { PATH: PATH_WITH_SBIN, TZ: 'UTC', HOME: lab.folder };
  const running = new Running([BINARY, '-m', '-c', 'backy.cfg', 'fuse', mnt], { env, cwd: lab.folder });
  try {
    while (running.stdout === '' && !running.hasEnded) await sleep(10);
    const whole = lab.versions.filter(isWhole);
    expect(whole.length).toBeGreaterThan(3);
    for (const { uid, sha256, size_bytes: size, date } of whole) {
      const file = `${mnt}/by_version_uid/${uid}/data`;
      expect(sha256OfFile(file), uid).toBe(sha256);
      expect(statSync(file).size).toBe(size);
      if (date !== undefined) expect(statSync(file).mtime.toISOString().slice(0, 19)).toBe(date.replace(' ', 'T').slice(0, 19));
    }
    for (const { uid, damaged_block: block } of lab.versions) {
      if (block !== undefined) expect(() => sha256OfFile(`${mnt}/by_version_uid/${uid}/data`)).toThrow('EIO');
    }
  } finally {
    running.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
    lab.remove();
  }
});
