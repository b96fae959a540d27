import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { COMMAND } from '../../src/nbd/numbers.ts';
import { mixedImage, STORES } from '../support/images/images.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { documentOf } from '../support/labs/json-schemas.ts';
import { Lab } from '../support/labs/lab.ts';
import { endServing, type Serving, startNbd, stopServing } from '../support/program/serving.ts';
import { NbdClient } from '../support/servers/nbd-client.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 8192;
const BLOCKS = 60;
const image = mixedImage(BLOCK, BLOCKS, 'image');

describe.each(STORES)('backy2 nbd --save ($store)', ({ options }) => {
  let lab: Lab;
  let uid: string;
  let server: Serving & { socket: string };
  beforeEach(async () => {
    lab = await Lab.create({ blockSize: BLOCK, ...options });
    lab.configure({ DEFAULTS: { cachedir: lab.path('home') } });
    uid = await lab.backup('-s', 'snap', `file://${lab.write('image', image)}`, 'vm');
    server = await startNbd(lab, '--save');
  });
  afterEach(async () => {
    await endServing(server);
    lab.remove();
  });

  /** The saved version, once it exists. */
  async function savedUid(): Promise<string> {
    await expect.poll(() => server.running.stdout.split('\n').filter((line) => line !== '').length).toBe(2);
    return server.running.stdout.split('\n')[1] ?? '';
  }

  test('makes a new version of the writes, stores only those, and leaves the original unchanged', async () => {
    const before = { version: lab.version(uid), blocks: lab.blocks(uid), blobs: lab.blobs() };
    const client = await NbdClient.open(server.socket, 'vm');
    const model = Buffer.from(image);
    // In the middle of blocks, across two, at the odd end, into a hole, to zeros, and to known
    // content.
    for (const [offset, bytes] of [
      [3 * BLOCK + 77, noise(100, 'a')],
      [6 * BLOCK - 50, noise(100, 'b')],
      [image.length - 5, noise(5, 'c')],
      [11 * BLOCK + 9, noise(1, 'd')],
      [20 * BLOCK, image.subarray(0, BLOCK)],
    ] as const) {
      bytes.copy(model, offset);
      await client.write(offset, bytes);
    }
    await client.request(COMMAND.writeZeroes, { offset: 30 * BLOCK, length: BLOCK });
    model.fill(0, 30 * BLOCK, 31 * BLOCK);
    await client.disconnect();
    const saved = await savedUid();
    expect(lab.version(saved)).toMatchObject({ name: 'vm', snapshot_name: '', valid: 1, size_bytes: image.length });
    expect(lab.tags(saved)).toEqual(['nbd']);
    expect(await lab.restoredSha256(saved)).toBe(sha256(model));
    expect({ version: lab.version(uid), blocks: lab.blocks(uid) }).toEqual({ version: before.version, blocks: before.blocks });
    expect(await lab.restoredSha256(uid)).toBe(sha256(image));
    // Blocks 3, 5, 6, 11 and the last are new; 20 is the same as 0, and 30 has none.
    expect(lab.blobs().length - before.blobs.length).toBe(5);
    expect(lab.blocks(saved)[20]?.uid).toBe(before.blocks[0]?.uid);
    expect(lab.blocks(saved)[30]?.uid).toBeNull();
    expect((await lab.run(['scrub', saved])).code).toBe(0);
    const { code, stderr } = await stopServing(server);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('waits for the last client, and then continues from the saved version', async () => {
    const [one, two] = [await NbdClient.open(server.socket, 'vm'), await NbdClient.open(server.socket, uid)];
    await one.write(0, noise(10, 'one'));
    await one.disconnect();
    await two.write(100, noise(10, 'two'));
    await two.disconnect();
    const saved = await savedUid();
    const model = Buffer.from(image);
    noise(10, 'one').copy(model, 0);
    noise(10, 'two').copy(model, 100);
    expect(await lab.restoredSha256(saved)).toBe(sha256(model));
    const byName = await NbdClient.open(server.socket, 'vm');
    expect(sha256(await byName.read(0, model.length))).toBe(sha256(model));
    await byName.disconnect();
    const original = await NbdClient.open(server.socket, uid);
    expect(sha256(await original.read(0, image.length))).toBe(sha256(image));
    await original.disconnect();
    await stopServing(server);
    expect(lab.versions()).toHaveLength(2);
  });

  filesOnly('client side', () => {
    test('saves nothing of a client that vanished, but keeps its writes for the next', async () => {
      const lost = await NbdClient.open(server.socket, uid);
      await lost.write(50, noise(10, 'lost'));
      lost.socket.destroy();
      const model = Buffer.from(image);
      noise(10, 'lost').copy(model, 50);
      await expect.poll(() => lab.log()).toContain('a client disconnected before it flushed');
      expect(lab.versions()).toHaveLength(1);
      const next = await NbdClient.open(server.socket, uid);
      expect((await next.read(50, 10)).equals(noise(10, 'lost'))).toBe(true);
      await next.disconnect();
      expect(await lab.restoredSha256(await savedUid())).toBe(sha256(model));
    });

    test('saves the flushed writes of a client that then vanished', async () => {
      const client = await NbdClient.open(server.socket, uid);
      await client.write(50, noise(10, 'flushed'));
      await client.request(COMMAND.flush);
      client.socket.destroy();
      const model = Buffer.from(image);
      noise(10, 'flushed').copy(model, 50);
      expect(await lab.restoredSha256(await savedUid())).toBe(sha256(model));
    });

    test('reports unsaved writes at its end', async () => {
      const lost = await NbdClient.open(server.socket, uid);
      await lost.write(50, noise(10, 'lost'));
      const { code, stderr } = await stopServing(server);
      expect(code).toBe(100);
      expect(stderr).toContain(`Writes to ${uid} were not saved.`);
      expect(lab.versions()).toHaveLength(1);
      expect(lab.lockFiles()).toEqual([]);
    });
  });

  test('makes no version of bad blocks, unless they were overwritten', async () => {
    lab.blobAt(uid, 8).remove();
    const client = await NbdClient.open(server.socket, uid);
    expect((await client.request(COMMAND.read, { offset: 8 * BLOCK, length: 10 })).errors).toHaveLength(1);
    await client.write(50, noise(10, 'x'));
    await client.disconnect();
    await expect.poll(() => server.running.stderr).toContain('Cannot save the writes');
    expect(lab.versions().map((version) => version.uid)).toEqual([uid]);
  });

  test('lets nobody open a version while it is saved: their writes come afterwards', async () => {
    const first = await NbdClient.open(server.socket, 'vm');
    const model = Buffer.from(image);
    noise(10, 'first').copy(model, 50);
    await first.write(50, noise(10, 'first'));
    // The save cannot begin to write before that.
    const release = lab.store.holdDatabase();
    await first.disconnect();
    const [byName, byUid] = [NbdClient.open(server.socket, 'vm'), NbdClient.open(server.socket, uid)];
    const opened = await Promise.race([byName.then(() => true), byUid.then(() => true), sleep(1000).then(() => false)]);
    release();
    expect(opened).toBe(false);
    const second = await byName;
    const saved = await savedUid();
    expect(lab.version(saved).valid).toBe(1);
    expect(sha256(await second.read(0, model.length))).toBe(sha256(model));
    await second.write(5 * BLOCK, noise(10, 'second'));
    await second.disconnect();
    await expect.poll(() => server.running.stdout.split('\n').length).toBe(4);
    const original = await byUid;
    expect(sha256(await original.read(0, image.length))).toBe(sha256(image));
    await original.disconnect();
    expect((await stopServing(server)).code).toBe(0);
    expect(await lab.restoredSha256(saved)).toBe(sha256(model));
    noise(10, 'second').copy(model, 5 * BLOCK);
    expect(await lab.restoredSha256(server.running.stdout.split('\n')[2] ?? '')).toBe(sha256(model));
  });

  filesOnly('client side', () => {
    test('--json reports the saved version at the end', async () => {
      const socket = lab.path('other.sock');
      const running = lab.start(['--json', 'nbd', '--save', '--socket', socket]);
      // The socket is there before anybody listens on it.
      const client = await vi.waitFor(() => NbdClient.open(socket, 'vm'), { timeout: 40_000 });
      await client.write(3 * BLOCK + 5, noise(BLOCK, 'two blocks'));
      await client.disconnect();
      await expect.poll(() => lab.versions().filter(({ valid }) => valid === 1).length).toBe(2);
      running.kill('SIGTERM');
      const { code, stdout, stderr } = await running.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const { uri, saved } = documentOf<{ uri: string; saved: object[] }>('nbd.json', stdout);
      expect(uri).toContain(socket);
      const [version] = lab.versions().filter((each) => each.uid !== uid);
      const sums = { blocks_read: 2, bytes_read: 2 * BLOCK, blocks_written: 2, bytes_written: 2 * BLOCK };
      expect(saved).toEqual([expect.objectContaining({ uid: version?.uid, base_uid: uid, name: 'vm', tags: ['nbd'], ...sums })]);
    });

    test('makes no version if clients only read', async () => {
      const client = await NbdClient.open(server.socket, 'vm');
      await client.read(0, image.length);
      await client.disconnect();
      expect((await stopServing(server)).code).toBe(0);
      expect(lab.versions()).toHaveLength(1);
    });
  });
});
