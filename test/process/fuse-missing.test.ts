import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { withLab } from '../support/labs/lab.ts';

const ROOT = dirname(fileURLToPath(new URL('..', import.meta.url)));

test('fuse names the missing part: the device, or the optional package', async () => {
  await withLab({}, async (lab) => {
    const program = lab.path('program');
    mkdirSync(`${program}/node_modules`, { recursive: true });
    for (const name of ['bin', 'dist', 'package.json']) cpSync(`${ROOT}/${name}`, `${program}/${name}`, { recursive: true });
    for (const name of readdirSync(`${ROOT}/node_modules`)) {
      if (name !== 'fuse-native') symlinkSync(`${ROOT}/node_modules/${name}`, `${program}/node_modules/${name}`);
    }
    mkdirSync(lab.path('mnt'));
    const words = [`${program}/bin/backy2`, '-c', lab.path('backy.cfg'), 'fuse', lab.path('mnt')];
    const { code, stderr } = await lab.startCommand(words).ended;
    expect(code).toBe(100);
    expect(stderr).toMatch(
      existsSync('/dev/fuse') ? /fuse-native|\/dev\/fuse may not be opened/ : /There is no \/dev\/fuse here/,
    );
    expect(stderr).not.toMatch(/^ +at /m);
    expect(lab.lockFiles()).toEqual([]);
  });
});
