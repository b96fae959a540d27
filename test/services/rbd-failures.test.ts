import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { failureIn } from '../support/labs/json-schemas.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import type { Result, StartOptions } from '../support/program/process.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();
const READ_ONLY = ['mon', 'profile rbd', 'osd', 'profile rbd-read-only'];

describe('one clear line, exit code 100, and no version for', () => {
  test.each([
    ['a pool that is not there', 'rbd://nopool/x', 'There is no pool "nopool". List pools with: ceph osd pool ls'],
    ['an image', 'rbd://vms/none', 'There is no image vms/none. List images with: rbd ls vms'],
    ['an image of a snapshot', 'rbd://vms/none@s', 'There is no image vms/none. List images with: rbd ls vms'],
    ['an image in a namespace', 'rbd://vms/ns/none', 'There is no image vms/ns/none. List images with: rbd ls vms/ns'],
    [
      'a name without an image',
      'rbd://vms',
      'Not a valid name: rbd://vms names no image. Write rbd://pool/image, rbd://pool/image@snapshot or rbd://pool/namespace/image.',
    ],
  ])('%s', (_, source, line) => failsWith({}, source, line));

  test('a snapshot', async () => {
    const image = cluster.newImage();
    await cluster.create(image, OBJECT);
    await failsWith(
      {},
      `rbd://${image}@none`,
      `There is no snapshot "none" of image ${image}. List its snapshots with: rbd snap ls ${image}`,
    );
    await cluster.remove(image);
  });

  test('a namespace to restore to', async () => {
    await withLab({ config: cluster.config() }, async (lab) => {
      const uid = await lab.backup(`file://${lab.write('image', noise(OBJECT, 'image'))}`, 'vm');
      expect(errorsOf(await lab.run(['restore', uid, 'rbd://vms/none/x']))).toEqual([
        'There is no namespace "none" in pool "vms". Make it first: rbd namespace create vms/none',
        'Backy failed.',
      ]);
    });
  });

  test('a configuration', () =>
    failsWith(
      { ceph_conffile: '/nonexistent/ceph.conf' },
      'rbd://vms/x',
      'There is no Ceph configuration /nonexistent/ceph.conf. Name it with ceph_conffile in [io_rbd].',
    ));

  test('a user without a keyring', async () => {
    await withLab({}, async (lab) => {
      const conf = lab.write('ceph.conf', changedConf(/^keyring = .*client\.admin\.keyring$/m, 'keyring = /nonexistent/keyring'));
      await failsWith(
        { ceph_conffile: conf, rados_name: 'client.backup' },
        'rbd://vms/x',
        'There is no keyring of Ceph user client.backup: looked for /nonexistent/keyring. Put it there, or name another user with rados_name in [io_rbd].',
      );
    });
  });

  test('a wrong key, and a user unknown to the cluster', async () => {
    await withLab({}, async (lab) => {
      const key = 'AQBkZ2Zl8wVgNhAAoSXKWvGkwvDsWlJzPVTPWQ==';
      const keyring = lab.write('keyring', `[client.admin]\n  key = ${key}\n[client.nobody]\n  key = ${key}\n`);
      const conf = lab.write('ceph.conf', changedConf(/^keyring = .*client\.admin\.keyring$/m, `keyring = ${keyring}`));
      for (const name of ['client.admin', 'client.nobody']) {
        await failsWith(
          { ceph_conffile: conf, rados_name: name },
          'rbd://vms/x',
          `The Ceph cluster refuses user ${name}: the key in its keyring is missing or wrong. Compare it with: ceph auth get ${name}`,
        );
      }
    });
  });

  test('a configuration without a monitor', async () => {
    await withLab({}, async (lab) => {
      const conf = lab.write('ceph.conf', '[global]\n');
      lab.configure(cluster.config({ ceph_conffile: conf }));
      // Ceph prints a line of its own before it.
      expect(await lab.run(['backup', 'rbd://vms/x', 'vm'])).toMatchObject({
        code: 100,
        stderr: expect.stringContaining('The Ceph configuration names no monitor (mon_host). Check ceph_conffile in [io_rbd].'),
      });
    });
  });

  test('monitors that do not answer', async () => {
    await withLab({}, async (lab) => {
      const conf = lab.write('ceph.conf', changedConf(/^mon_host = .*$/m, 'mon_host = [v2:127.0.0.1:9,v1:127.0.0.1:10]'));
      const start = performance.now();
      await failsWith(
        { ceph_conffile: conf, connect_timeout: 3 },
        'rbd://vms/x',
        /^No Ceph monitor has answered for 3 s \(.*127\.0\.0\.1:9.*\)\. Check mon_host/,
      );
      expect(performance.now() - start).toBeGreaterThan(2_900);
    });
  });

  test('libraries that are not installed', async () => {
    await withLab({}, async (lab) => {
      for (const [library, needed] of [
        ['librbd.so.1', 'librbd1'],
        ['librados.so.2', 'librados2'],
      ] as const) {
        mkdirSync(lab.path(needed));
        // The loader takes the first file of that name, which is no library.
        writeFileSync(lab.path(`${needed}/${library}`), 'no library');
        await failsWith(
          {},
          'rbd://vms/none',
          new RegExp(
            `^Cannot load ${library}, which rbd:// needs: .* Install it, on Debian and Ubuntu with: apt-get install ${needed}$`,
          ),
          { env: { LD_LIBRARY_PATH: lab.path(needed) } },
        );
      }
    });
  });
});

describe('caps', () => {
  test('for reading alone are enough for backups, and for nothing else', async () => {
    await withLab({}, async (lab) => {
      const image = cluster.newImage();
      await cluster.import(image, noise(3 * OBJECT, image));
      await cluster.snapshot('create', `${image}@a`);
      await cluster.write(image, 0, noise(512, 'b'));
      await cluster.snapshot('create', `${image}@b`);
      lab.configure(cluster.config(await cluster.user('reader', READ_ONLY, lab.folder)));
      await lab.backup('-s', 'a', `rbd://${image}@a`, 'vm');
      const uid = await lab.backup('--diff-from', 'a', `rbd://${image}@b`, 'vm');
      const refused = { code: 100, stderr: expect.stringMatching(/Cannot .*: (EPERM \(not permitted\)|EROFS \(read-only\))\./) };
      expect(await lab.run(['restore', uid, `rbd://${image}-new`])).toMatchObject(refused);
      expect(await lab.run(['restore', '-f', uid, `rbd://${image}`])).toMatchObject(refused);
      expect(await lab.run(['backup', '--auto', `rbd://${image}`])).toMatchObject(refused);
      expect(await cluster.snapshots(image)).toEqual(['a', 'b']);
      await cluster.remove(image);
    });
  });

  test('for another pool are refused', async () => {
    await withLab({}, async (lab) => {
      const user = await cluster.user('stranger', ['mon', 'profile rbd', 'osd', 'profile rbd pool=other'], lab.folder);
      await failsWith(
        user ?? {},
        'rbd://vms/x',
        /^Cannot open image vms\/x: EPERM \(not permitted\)\. The Ceph user's caps do not allow it/,
      );
    });
  });
});

describe('--diff-from is refused', () => {
  test('if base, snapshots and source do not belong together', async () => {
    await withLab({ config: cluster.config() }, async (lab) => {
      const image = cluster.newImage();
      await cluster.create(image, 3 * OBJECT);
      for (const name of ['a', 'b']) await cluster.snapshot('create', `${image}@${name}`);
      const uid = await lab.backup('-s', 'b', `rbd://${image}@b`, 'vm');
      const plain = await lab.backup(`rbd://${image}@a`, 'vm');
      const source = `rbd://${image}@b`;
      const cases: [words: string[], code: number, message: string][] = [
        [['--diff-from', 'a', source, 'vm'], 100, 'There is no valid version of "vm" with snapshot "a".'],
        [['--diff-from', 'b', source, 'other'], 100, 'There is no valid version of "other" with snapshot "b".'],
        [
          ['--diff-from', 'a', '-f', uid, source, 'vm'],
          100,
          `Version ${uid} was made of snapshot "b": changes since "a" do not fit it.`,
        ],
        [['--diff-from', 'a', '-f', plain, source, 'vm'], 100, `Version ${plain} has no snapshot name`],
        [['--diff-from', 'b', source, 'vm'], 100, `Snapshot "b" of image ${image} is not older than "b".`],
        [['--diff-from', 'b', `rbd://${image}@a`, 'vm'], 100, `Snapshot "b" of image ${image} is not older than "a".`],
        [['--diff-from', 'b', `rbd://${image}@none`, 'vm'], 100, `There is no snapshot "none" of image ${image}.`],
        [['--diff-from', 'b', `rbd://${image}`, 'vm'], 2, '--diff-from needs a snapshot as source'],
        [['--diff-from', 'b', 'file:///dev/null', 'vm'], 2, '--diff-from needs a snapshot as source'],
        [['--diff-from', 'b', '-r', 'x', source, 'vm'], 2, '--diff-from cannot be combined with -r'],
      ];
      for (const [words, code, message] of cases) {
        const said = await lab.run(['backup', ...words]);
        expect({ code: said.code, stderr: said.stderr }, words.join(' ')).toEqual({
          code,
          stderr: expect.stringContaining(message),
        });
      }
      await cluster.snapshot('remove', `${image}@b`);
      expect(await lab.run(['backup', '--diff-from', 'b', `rbd://${image}@a`, 'vm'])).toMatchObject({
        code: 100,
        stderr: expect.stringContaining(`There is no snapshot "b" of image ${image}.`),
      });
      // The new b is older than c, but it is not the version's source.
      lab.sql("UPDATE versions SET date = '2020-01-01 00:00:00.000000' WHERE uid = ?", uid);
      for (const name of ['b', 'c']) await cluster.snapshot('create', `${image}@${name}`);
      expect(await lab.run(['backup', '--diff-from', 'b', `rbd://${image}@c`, 'vm'])).toMatchObject({
        code: 100,
        stderr: expect.stringContaining(`Snapshot "b" is newer than version ${uid}`),
      });
      expect(lab.versions()).toHaveLength(2);
      await cluster.remove(image);
    });
  });
});

/**
 * Checks that a backup fails with this line alone, leaves no version, and reports the same with
 * --json.
 */
async function failsWith(
  options: Record<string, string | number>,
  source: string,
  line: string | RegExp,
  start: StartOptions = {},
): Promise<void> {
  await withLab({ config: cluster.config(options) }, async (lab) => {
    const result = await lab.run(['backup', source, 'vm'], start);
    expect(result.code).toBe(100);
    expect(errorsOf(result)).toEqual([typeof line === 'string' ? line : expect.stringMatching(line), 'Backy failed.']);
    const { message, exit_code } = failureIn((await lab.run(['--json', 'backup', source, 'vm'], start)).stdout).error;
    expect(exit_code).toBe(100);
    if (typeof line === 'string') expect(line).toContain(message);
    expect(lab.versions()).toEqual([]);
    expect(lockFilesOf(lab)).toEqual([]);
  });
}

/**
 * All lines on stderr, which must be ours alone: Ceph's libraries write there too, unless stopped.
 */
function errorsOf({ stderr }: Result): string[] {
  return stderr
    .split('\n')
    .filter(Boolean)
    .map((text) => text.replace(/^ {3}ERROR: /, ''));
}

function lockFilesOf(lab: Lab): string[] {
  return lab.lockFiles();
}

function changedConf(what: RegExp, by: string): string {
  const text = readFileSync(cluster.conf, 'utf8');
  if (!what.test(text)) throw new Error(`the cluster's configuration has no ${what}`);
  return text.replace(what, by);
}
