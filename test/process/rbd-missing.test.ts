import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withLab } from '../support/labs/lab.ts';

test.each([
  ['backup', 'rbd://vms/image', 'vm'],
  ['backup', '--auto', 'rbd://vms/*'],
])('without librados, %s %s names the package to install', async (...words) => {
  await withLab({}, async (lab) => {
    mkdirSync(lab.path('lib'));
    // The loader takes the first file of that name, which is not a library.
    writeFileSync(lab.path('lib/librados.so.2'), 'no library');
    const { code, stderr } = await lab.run(words, { env: { LD_LIBRARY_PATH: lab.path('lib') } });
    expect(code).toBe(100);
    expect(stderr).toMatch(
      /ERROR: Cannot load librados\.so\.2, which rbd:\/\/ needs: .* Install it, on Debian and Ubuntu with: apt-get install librados2$/m,
    );
    expect(stderr).not.toMatch(/^ +at /m);
    expect(lab.versions()).toEqual([]);
    expect(lab.lockFiles()).toEqual([]);
  });
});
