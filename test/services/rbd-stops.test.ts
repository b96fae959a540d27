import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkRestores } from '../support/labs/check-store.ts';
import { type Lab, withLab } from '../support/labs/lab.ts';
import { CephCluster } from './ceph.ts';
import { OBJECT, RbdCluster, sharedCluster } from './rbd-cluster.ts';

// Each test runs many commands.
vi.setConfig({ testTimeout: 240_000 });
const cluster = sharedCluster();
/** More than all slots hold: they take a megabyte each. */
const IMAGE_BYTES = 640 * OBJECT;
/** Slow, so that there is time to act meanwhile. */
const SLOW = { blockSize: OBJECT, workers: 2, config: { ...cluster.config(), DataBackend: { bandwidth_write: 128 * OBJECT } } };

describe('a signal during a run', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends a backup at once; the image is free, and -c resumes it', async (signal) => {
    await withLab(SLOW, async (lab) => {
      const image = cluster.newImage();
      const content = noise(IMAGE_BYTES, image);
      await cluster.import(image, content);
      const running = lab.start(['-m', 'backup', `rbd://${image}`, 'vm']);
      await someBlobs(lab);
      running.kill(signal);
      const { code, stderr } = await running.ended;
      expect(code).toBe(signal === 'SIGTERM' ? 143 : 130);
      expect(stderr).toContain(`Stopped by ${signal}.`);
      expect(await cluster.watchers(image)).toEqual([]);
      const [version] = lab.versions();
      expect(version?.valid).toBe(0);
      lab.configure({ DataBackend: { bandwidth_write: 0 } });
      const uid = await lab.backup('-c', version?.uid ?? '', `rbd://${image}`, 'vm');
      await checkRestores(lab, new Map([[uid, sha256(content)]]));
      await cluster.remove(image);
    });
  });

  test('ends a restore; the image can be removed right away', async () => {
    const config = { ...cluster.config(), DataBackend: { bandwidth_read: 128 * OBJECT } };
    await withLab({ ...SLOW, config }, async (lab) => {
      const image = cluster.newImage();
      const uid = await lab.backup(`file://${lab.write('image', noise(IMAGE_BYTES, image))}`, 'vm');
      const running = lab.start(['restore', uid, `rbd://${image}`]);
      await expect.poll(() => cluster.watchers(image).catch(() => []), { timeout: 60_000 }).not.toEqual([]);
      running.kill('SIGTERM');
      const { code, stderr } = await running.ended;
      expect(code).toBe(143);
      expect(stderr).toContain(`Resume with: backy2 restore -f -c`);
      await cluster.remove(image);
    });
  });

  test('during the search for monitors', async () => {
    await withLab({}, async (lab) => {
      const conf = lab.write('ceph.conf', '[global]\nmon_host = [v2:127.0.0.1:9,v1:127.0.0.1:10]\nauth_client_required = none\n');
      lab.configure({ io_rbd: { ceph_conffile: conf } });
      const running = lab.start(['-v', 'backup', 'rbd://vms/x', 'vm']);
      // It has threads of librados by then.
      await expect.poll(() => threadsOf(running.pid)).toEqual(expect.arrayContaining([expect.stringMatching(/^msgr-worker/)]));
      running.kill('SIGTERM');
      expect(await running.ended).toMatchObject({ code: 143, stderr: expect.stringContaining('Stopped by SIGTERM.') });
    });
  });
});

const RUNS = process.env.BACKY_LONG_TESTS ? 20 : 7;

test(`garbage collection during reads and writes does no harm: ${RUNS} runs`, async () => {
  await withLab({ blockSize: OBJECT, workers: 2, config: cluster.config({ simultaneous_reads: 16 }) }, async (lab) => {
    const [image, restored] = [cluster.newImage(), cluster.newImage()];
    const content = noise(64 * OBJECT, image);
    await cluster.import(image, content);
    // In every thread, again and again.
    const module = lab.write(
      'collect.cjs',
      `require('node:v8').setFlagsFromString('--expose-gc');
const collect = require('node:vm').runInNewContext('gc');
setInterval(collect, 1).unref();
`,
    );
    const env = { NODE_OPTIONS: `--require ${module}` };
    for (let run = 0; run < RUNS; run++) {
      const backup = await lab.run(['-m', 'backup', `rbd://${image}`, `vm${run}`], { env });
      expect({ run, ...backup }).toMatchObject({ code: 0, signal: null, stderr: '' });
    }
    const uids = lab.versions().map(({ uid }) => uid);
    const restore = await lab.run(['restore', uids[0] ?? '', `rbd://${restored}`], { env });
    expect(restore).toMatchObject({ code: 0, signal: null });
    expect(await cluster.sha256(restored)).toBe(sha256(content));
    await checkRestores(lab, new Map(uids.map((uid) => [uid, sha256(content)])));
    for (const each of [image, restored]) await cluster.remove(each);
  });
}, 300_000);

describe('an OSD that stops half way', () => {
  let server: CephCluster;
  let own: RbdCluster;
  // One for each test: an OSD needs a while to recover.
  beforeEach(async () => {
    server = await CephCluster.start({ gateway: false });
    own = new RbdCluster(server.address);
  });
  afterEach(async () => {
    await own.close();
    await server.stop();
  });

  test('is waited for, as the log says, and the backup continues with it', async () => {
    await withStoppedOsd({}, async (lab, running, { content }) => {
      await expect
        .poll(() => lab.log(), { timeout: 120_000, interval: 500 })
        .toMatch(/No block has moved for \d+ s: waiting for rbd:\S+ or the data backend\./);
      own.signalOsd('SIGCONT');
      expect(await running.ended).toMatchObject({ code: 0 });
      const [version] = lab.versions();
      await checkRestores(lab, new Map([[version?.uid ?? '', sha256(content)]]));
    });
  }, 600_000);

  test('is given up after operation_timeout, and -c resumes later', async () => {
    await withStoppedOsd({ operation_timeout: 3 }, async (lab, running, { content, source, image }) => {
      const { code, stderr } = await running.ended;
      expect({ code, stderr }).toEqual({
        code: 100,
        stderr: expect.stringMatching(/Cannot read \d+ bytes at offset \d+ of rbd:\S+: ETIMEDOUT/),
      });
      own.signalOsd('SIGCONT');
      await own.answers(image);
      lab.configure({ ...own.config({ operation_timeout: 0 }), DataBackend: { bandwidth_write: 0 } });
      const [version] = lab.versions();
      const uid = version?.uid ?? '';
      expect(await lab.run(['backup', '-c', uid, source, 'vm'], { timeoutMs: 240_000 })).toMatchObject({ code: 0 });
      await checkRestores(lab, new Map([[uid, sha256(content)]]));
    });
  }, 600_000);

  test('does not keep a signal from ending the program', async () => {
    await withStoppedOsd({}, async (_, running) => {
      running.kill('SIGTERM');
      expect(await running.ended).toMatchObject({ code: 143 });
      own.signalOsd('SIGCONT');
    });
  }, 600_000);

  /** Runs `body` in the middle of a backup whose OSD has stopped; it MUST let the OSD continue. */
  async function withStoppedOsd(
    options: Record<string, number>,
    body: (
      lab: Lab,
      running: ReturnType<Lab['start']>,
      image: { content: Buffer; source: string; image: string },
    ) => Promise<void>,
  ): Promise<void> {
    await withLab({ ...SLOW, config: { ...SLOW.config, ...own.config(options) } }, async (lab) => {
      const image = own.newImage();
      const content = noise(IMAGE_BYTES, image);
      await own.import(image, content);
      const source = `rbd://${image}`;
      const running = lab.start(['backup', source, 'vm'], { timeoutMs: 240_000 });
      await someBlobs(lab);
      own.signalOsd('SIGSTOP');
      try {
        await body(lab, running, { content, source, image });
      } finally {
        own.signalOsd('SIGCONT');
      }
      await own.answers(image);
      await own.remove(image);
    });
  }
});

async function someBlobs(lab: Lab): Promise<void> {
  await expect.poll(() => lab.blobs().length, { timeout: 60_000, interval: 20 }).toBeGreaterThan(2);
}

/** Names of a process's threads. */
function threadsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8');
    } catch {
      return '';
    }
  });
}
