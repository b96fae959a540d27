import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SCRIPT } from '../support/labs/rbd-lab.ts';
import { PATH_WITH_SBIN, Running, tool } from '../support/program/process.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const shellcheck = lacking(await needTool('shellcheck', '--version'));

describe('the words of backup-rbd.sh', () => {
  test('--help tells of every option and variable, and needs nothing else', async () => {
    const { code, stdout, stderr } = await run(['--help'], { PATH: '/usr/bin:/bin' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const option of ['-p, --pool', '-c, --configfile', '-t, --tag', '-e, --expire', '-v, --verbose', '-h, --help']) {
      expect(stdout).toContain(`  ${option} `);
    }
    for (const option of ['--prefix', '--source', '--name', '--lock-dir']) expect(stdout).toContain(`      ${option} `);
    const source = await tool('cat', SCRIPT);
    for (const [variable] of source.matchAll(/BACKY_[A-Z_]+/g)) expect(stdout).toContain(variable);
    expect(stdout.split('\n').filter((line) => line.length > 130)).toEqual([]);
  });

  test.for([
    [[], 'No image is given.'],
    [['--'], 'No image is given.'],
    [['--pol', 'x', 'vm1'], 'Unknown option --pol.'],
    [['-x', 'vm1'], 'Unknown option -x.'],
    [['vm1', '--pool'], '--pool needs a value.'],
    [['--verbose=yes', 'vm1'], '--verbose takes no value.'],
    [['vm1@snap'], "'rbd/vm1@snap' is no image: give NAME, POOL/NAME or POOL/NAMESPACE/NAME, without a snapshot."],
    [['a/b/c/d'], "'a/b/c/d' is no image"],
    [['vm1', ''], "'rbd/' is no image"],
    [['-p', '-x', 'vm1'], "'-x/vm1' is no image"],
    [['--prefix', 'a b', 'vm1'], "The prefix 'a b' must begin with a letter or digit"],
    [
      ['--source', 'rbd://{pool}/{image}', 'vm1'],
      "The source 'rbd://{pool}/{image}' must have {image} and {snap} in it, or {device}.",
    ],
    [['--name', 'vm', 'vm1'], "The name 'vm' must have {image} in it."],
  ] as const)('%j: exit code 2 and one line', async ([words, message]) => {
    const { code, stdout, stderr } = await run(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^backup-rbd: [^\n]* See backup-rbd\.sh --help\.\n$/);
    expect(stderr).toContain(message);
  });

  test('a machine without rbd: exit code 2 and one line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'backy2-path-'));
    try {
      for (const name of ['bash', 'uname']) symlinkSync((await tool('which', name)).trim(), join(folder, name));
      const { code, stderr } = await run(['vm1'], { PATH: folder });
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: 'backup-rbd: The program rbd is not on PATH. See backup-rbd.sh --help.\n',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.skipIf(shellcheck.skip)(`shellcheck finds nothing to say about any script of docs${shellcheck.note}`, async () => {
    const scripts = ['backup-due.sh', 'backup-lvm.sh', 'backup-rbd.sh', 'backup-upkeep.sh'].map((name) =>
      join(SCRIPT, '..', name),
    );
    expect(await tool('shellcheck', ...scripts)).toBe('');
  });
});

function run(words: readonly string[], env: Record<string, string> = {}) {
  return new Running([SCRIPT, ...words], { env: { PATH: PATH_WITH_SBIN, LANG: 'C.UTF-8', ...env } }).ended;
}
