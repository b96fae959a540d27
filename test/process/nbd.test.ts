import { readdirSync, renameSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND, COMMAND_FLAG, EXPORT_FLAG, MAX_REQUEST_BYTES, NBD_ERROR } from '../../src/nbd/numbers.ts';
import { clientSide, mixedImage, STORES } from '../support/images/images.ts';
import { noise, runSeed, seededRandom } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { encrypted, KEY_A, KEY_B } from '../support/labs/encryption.ts';
import { Lab, withLab } from '../support/labs/lab.ts';
import { type Serving, startNbd, stopServing } from '../support/program/serving.ts';
import { NbdClient } from '../support/servers/nbd-client.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 8192;
const BLOCKS = 60;
const image = mixedImage(BLOCK, BLOCKS, 'image');

describe.each(STORES)('backy2 nbd ($store)', ({ store, options }) => {
  let lab: Lab;
  let uid: string;
  let server: Serving & { socket: string };
  beforeEach(async () => {
    lab = await Lab.create({ blockSize: BLOCK, ...options });
    lab.configure({ DEFAULTS: { cachedir: lab.path('home') } });
    uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
  });
  afterEach(async () => {
    if (!server.running.hasEnded) await stopServing(server);
    lab.remove();
  });

  test('serves a version by its uid and its name, whatever range is read', async () => {
    server = await startNbd(lab);
    const seed = runSeed();
    const random = seededRandom(seed);
    for (const name of [uid, 'vm']) {
      const client = await NbdClient.open(server.socket, name);
      expect(client.sizeBytes).toBe(image.length);
      expect(sha256(await client.read(0, image.length))).toBe(sha256(image));
      for (let i = 0; i < 100; i++) {
        const offset = Math.floor(random() * image.length);
        const length = Math.min(image.length - offset, 1 + Math.floor(random() * 3 * BLOCK));
        const bytes = await client.read(offset, length);
        expect(bytes.equals(image.subarray(offset, offset + length)), `seed ${seed}: ${length} at ${offset}`).toBe(true);
      }
      await client.disconnect();
    }
  });

  clientSide(store, () => {
    test('tells sparse blocks as holes, in reads and in block status', async () => {
      server = await startNbd(lab);
      const client = await NbdClient.open(server.socket, 'vm');
      const { holes, data } = await client.request(COMMAND.read, { offset: 0, length: 4 * BLOCK });
      expect(data.equals(image.subarray(0, 4 * BLOCK))).toBe(true);
      expect(holes.reduce((sum, { length }) => sum + length, 0)).toBe(2 * BLOCK);
      const { extents } = await client.request(COMMAND.blockStatus, { offset: 100, length: 5 * BLOCK });
      expect(extents).toEqual([
        { length: BLOCK - 100, flags: 0 },
        { length: 2 * BLOCK, flags: 3 },
        { length: 2 * BLOCK + 100, flags: 0 },
      ]);
      const one = await client.request(COMMAND.blockStatus, { offset: BLOCK, length: 9 * BLOCK, flags: COMMAND_FLAG.reqOne });
      expect(one.extents).toEqual([{ length: 2 * BLOCK, flags: 3 }]);
    });
  });

  test('keeps writes apart from the version, for all its clients, and never changes the version', async () => {
    server = await startNbd(lab);
    const before = lab.dump();
    const seed = runSeed();
    const random = seededRandom(seed);
    const model = Buffer.from(image);
    const clients = [await NbdClient.open(server.socket, 'vm'), await NbdClient.open(server.socket, uid)];
    for (let i = 0; i < 300; i++) {
      const client = clients[i % 2];
      const offset = Math.floor(random() * model.length);
      const length = Math.min(model.length - offset, 1 + Math.floor(random() * 2.5 * BLOCK));
      const what = Math.floor(random() * 4);
      if (what === 0)
        await client?.write(
          offset,
          noise(length, `${seed} ${i}`).copy(model, offset) ? model.subarray(offset, offset + length) : model,
        );
      else if (what === 1) {
        const flags = random() < 0.5 ? COMMAND_FLAG.fua : COMMAND_FLAG.noHole;
        expect((await client?.request(COMMAND.writeZeroes, { offset, length, flags }))?.error).toBe(0);
        model.fill(0, offset, offset + length);
      } else {
        const bytes = await client?.read(offset, length);
        expect(bytes?.equals(model.subarray(offset, offset + length)), `seed ${seed}, step ${i}`).toBe(true);
      }
    }
    for (const client of clients) expect(sha256((await client.read(0, model.length)) ?? image)).toBe(sha256(model));
    expect(readdirSync(lab.path('home'))).toEqual([]);
    for (const client of clients) await client.disconnect();
    await stopServing(server);
    expect(lab.dump()).toEqual(before);
    expect(await lab.restoredSha256(uid)).toBe(sha256(image));
  });

  clientSide(store, () => {
    test('trims whole blocks to zeros, and leaves the rest', async () => {
      server = await startNbd(lab);
      const client = await NbdClient.open(server.socket, 'vm');
      expect((await client.request(COMMAND.trim, { offset: 100, length: 4 * BLOCK })).error).toBe(0);
      const model = Buffer.from(image).fill(0, BLOCK, 4 * BLOCK);
      expect(sha256(await client.read(0, model.length))).toBe(sha256(model));
      expect((await client.request(COMMAND.flush)).error).toBe(0);
      expect((await client.request(COMMAND.cache, { offset: 0, length: model.length })).error).toBe(0);
    });
  });

  test('gives an I/O error only for a bad block, which it reports and marks', async () => {
    const blob = lab.blobAt(uid, 5);
    const bytes = blob.read();
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    blob.write(bytes);
    lab.blobAt(uid, 8).remove();
    server = await startNbd(lab);
    for (const structured of [true, false]) {
      const client = await NbdClient.open(server.socket, 'vm', { structured });
      const all = await client.request(COMMAND.read, { offset: 10, length: image.length - 10 });
      if (structured) {
        expect(all.error).toBe(0);
        expect(all.errors.map(({ offset, error }) => ({ offset, error }))).toEqual([
          { offset: 5 * BLOCK, error: NBD_ERROR.EIO },
          { offset: 8 * BLOCK, error: NBD_ERROR.EIO },
        ]);
        expect(all.data.subarray(6 * BLOCK - 10, 8 * BLOCK - 10).equals(image.subarray(6 * BLOCK, 8 * BLOCK))).toBe(true);
      } else expect(all.error).toBe(NBD_ERROR.EIO);
      // An unreadable block cannot be written in part, only as a whole.
      const part = await client.request(COMMAND.write, { offset: 8 * BLOCK + 1, data: Buffer.alloc(5) });
      expect(part.error).toBe(NBD_ERROR.EIO);
      expect((await client.read(6 * BLOCK, 100)).equals(image.subarray(6 * BLOCK, 6 * BLOCK + 100))).toBe(true);
      // The name no longer leads to this version: it is invalid.
      if (structured) await client.disconnect();
      else client.socket.destroy();
      if (structured) lab.sql('UPDATE versions SET valid = 1 WHERE uid = ?', uid);
    }
    const { stderr } = await stopServing(server);
    expect(stderr).toMatch(/block 5 /);
    expect(stderr).toMatch(/Blob is missing during reading for block 8 /);
    const marked = lab.blocks(uid).flatMap((row) => (row.valid === 0 ? [row.id] : []));
    expect(marked).toEqual([5, 8]);
    expect(lab.log()).toContain(`Marked version invalid (UID ${uid})`);
  });

  test('names mass damage once, however many blocks are read, and marks none', async () => {
    for (const blob of lab.blobs()) lab.blob(blob).remove();
    const before = lab.dump();
    server = await startNbd(lab);
    const client = await NbdClient.open(server.socket, 'vm');
    for (let turn = 0; turn < 2; turn++) {
      const { errors } = await client.request(COMMAND.read, { offset: 0, length: image.length });
      expect(errors).toHaveLength(lab.blocks(uid).filter((row) => row.uid !== null).length);
    }
    const { stderr } = await stopServing(server);
    expect(stderr.match(/are missing\. Going on without marking any of them/g)).toHaveLength(1);
    expect(stderr).not.toContain('Blob is missing');
    expect(lab.dump()).toEqual(before);
  });

  filesOnly('blob folder', () => {
    test('gives errors while the data backend is down, marks nothing, and continues when it is back', async () => {
      server = await startNbd(lab);
      const client = await NbdClient.open(server.socket, uid);
      renameSync(lab.dataPath, lab.path('away'));
      const failed = await client.request(COMMAND.read, { offset: 0, length: 10 });
      expect(failed.errors.map(({ error }) => error)).toEqual([NBD_ERROR.EIO]);
      renameSync(lab.path('away'), lab.dataPath);
      expect(sha256(await client.read(0, image.length))).toBe(sha256(image));
      expect((await stopServing(server)).stderr).toContain(`Cannot read block 0 of version ${uid}`);
      expect(lab.version(uid).valid).toBe(1);
    });
  });

  clientSide(store, () => {
    test('reports that there is no room for writes', async () => {
      lab.configure({ DEFAULTS: { cachedir: lab.path('nowhere') } });
      server = await startNbd(lab);
      const client = await NbdClient.open(server.socket, uid);
      expect((await client.request(COMMAND.write, { offset: 0, data: Buffer.alloc(10) })).error).toBe(NBD_ERROR.EIO);
      expect((await client.read(0, 10)).equals(image.subarray(0, 10))).toBe(true);
      expect((await stopServing(server)).stderr).toContain('Check cachedir');
    });

    test('writes whole blocks where the block was bad', async () => {
      lab.blobAt(uid, 8).remove();
      server = await startNbd(lab);
      const client = await NbdClient.open(server.socket, uid);
      const fresh = noise(BLOCK, 'fresh');
      await client.write(8 * BLOCK, fresh);
      expect((await client.read(8 * BLOCK, BLOCK)).equals(fresh)).toBe(true);
    });

    test('refuses invalid requests, and continues', async () => {
      server = await startNbd(lab, '--read-only');
      const client = await NbdClient.open(server.socket, 'vm');
      expect(client.flags & EXPORT_FLAG.readOnly).toBeTruthy();
      const errorOf = async (type: number, parts: object) => (await client.request(type, parts)).error;
      expect(await errorOf(COMMAND.write, { offset: 0, data: Buffer.alloc(10) })).toBe(NBD_ERROR.EPERM);
      expect(await errorOf(COMMAND.trim, { offset: 0, length: 10 })).toBe(NBD_ERROR.EPERM);
      expect(await errorOf(COMMAND.writeZeroes, { offset: 0, length: 10 })).toBe(NBD_ERROR.EPERM);
      expect(await errorOf(COMMAND.read, { offset: image.length - 1, length: 2 })).toBe(NBD_ERROR.EINVAL);
      expect(await errorOf(COMMAND.read, { offset: 2n ** 64n - 1n, length: 2 })).toBe(NBD_ERROR.EINVAL);
      expect(await errorOf(COMMAND.read, { offset: 0, length: MAX_REQUEST_BYTES + 1 })).toBe(NBD_ERROR.EINVAL);
      expect(await errorOf(COMMAND.read, { offset: 0, length: 1, flags: 0x8000 })).toBe(NBD_ERROR.EINVAL);
      expect(await errorOf(COMMAND.blockStatus, { offset: 0, length: 0 })).toBe(NBD_ERROR.EINVAL);
      expect(await errorOf(99, {})).toBe(NBD_ERROR.EINVAL);
      expect((await client.request(COMMAND.read, { offset: 3, length: 0 })).error).toBe(0);
      const whole = await client.request(COMMAND.read, { offset: 0, length: 9 * BLOCK, flags: COMMAND_FLAG.df });
      expect(whole.chunks).toBe(1);
      expect(whole.data.equals(image.subarray(0, 9 * BLOCK))).toBe(true);
      await client.disconnect();
      const old = await NbdClient.open(server.socket, 'vm', { structured: false });
      expect((await old.request(COMMAND.blockStatus, { offset: 0, length: 10 })).error).toBe(NBD_ERROR.EINVAL);
      expect((await old.request(COMMAND.read, { offset: 0, length: 10, flags: COMMAND_FLAG.df })).error).toBe(NBD_ERROR.EINVAL);
      expect((await old.read(3, 3 * BLOCK)).equals(image.subarray(3, 3 * BLOCK + 3))).toBe(true);
      const refused = await old.request(COMMAND.write, { offset: 0, data: noise(70_000, 'x') });
      expect(refused.error).toBe(NBD_ERROR.EPERM);
      expect((await old.read(0, 5)).equals(image.subarray(0, 5))).toBe(true);
    });
  });
});

test('a version whose key is not the configured one is not opened, and nothing of it is marked', async () => {
  await withLab({ blockSize: BLOCK, config: encrypted(KEY_A) }, async (lab) => {
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    const before = lab.dump();
    lab.configure(encrypted(KEY_B));
    const server = await startNbd(lab);
    await expect(NbdClient.open(server.socket, uid)).rejects.toThrow('is not the one that version');
    expect((await stopServing(server)).code).toBe(0);
    expect(lab.dump()).toEqual(before);
  });
});

describe('a version that is served', () => {
  let lab: Lab;
  let uid: string;
  beforeEach(async () => {
    lab = await Lab.create({ blockSize: BLOCK });
    lab.configure({ DEFAULTS: { cachedir: lab.path('home') } });
    uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
  });
  afterEach(() => lab.remove());

  test("can't be removed while a client has it open, and can afterwards", async () => {
    const server = await startNbd(lab);
    const client = await NbdClient.open(server.socket, uid);
    const refused = await lab.run(['rm', uid]);
    expect(refused.code).toBe(100);
    expect(refused.stderr).toContain('is locked');
    await client.disconnect();
    await expect.poll(async () => (await lab.run(['rm', uid])).code, { interval: 50 }).toBe(0);
    await stopServing(server);
  });

  test('leaves nothing behind when the server is killed', async () => {
    const server = await startNbd(lab);
    const client = await NbdClient.open(server.socket, uid);
    await client.write(5, noise(BLOCK, 'written'));
    server.running.kill('SIGKILL');
    await server.running.ended;
    expect(readdirSync(lab.path('home'))).toEqual([]);
    // Its socket is still there, and does not matter.
    const again = await startNbd(lab);
    const reader = await NbdClient.open(again.socket, uid);
    expect(sha256(await reader.read(0, image.length))).toBe(sha256(image));
    const { code, stderr } = await stopServing(again);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lab.lockFiles()).toEqual([]);
    expect(() => statSync(again.socket)).toThrow('ENOENT');
  });

  test('is not taken for the newest of its name when it is dated in the future, unless there is no other', async () => {
    const other = noise(image.length, 'other');
    const ahead = await lab.backup(`file://${lab.write('other', other)}`, 'vm');
    lab.sql("UPDATE versions SET date = '2130-01-02 03:04:05.000000' WHERE uid = ?", ahead);
    const server = await startNbd(lab, '--export', 'vm');
    for (const [index, expected] of [image, image, other].entries()) {
      if (index === 2) lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', uid);
      const client = await NbdClient.open(server.socket, 'vm');
      expect(sha256(await client.read(0, image.length))).toBe(sha256(expected));
      await client.disconnect();
    }
    expect((await stopServing(server)).code).toBe(0);
    const warning = `Version ${ahead} is dated 2130-01-02 03:04:05, in the future. Check the clocks of all hosts.`;
    expect(
      lab
        .log()
        .split('\n')
        .filter((line) => line.endsWith(warning)),
    ).toHaveLength(1);
  });

  test('gives an error for a block with a wrong row id, and serves all others', async () => {
    lab.sql('UPDATE blocks SET id = 1000 WHERE id = 5');
    const server = await startNbd(lab);
    const client = await NbdClient.open(server.socket, uid);
    const reply = await client.request(COMMAND.read, { offset: 0, length: image.length });
    expect(reply.errors).toMatchObject([{ error: NBD_ERROR.EIO, offset: 5 * BLOCK }]);
    expect(reply.data.subarray(6 * BLOCK, image.length).equals(image.subarray(6 * BLOCK))).toBe(true);
    await stopServing(server);
  });

  filesOnly('client side', () => {
    test('can be read only by its owner', async () => {
      const server = await startNbd(lab);
      expect(statSync(server.socket).mode & 0o777).toBe(0o600);
      await stopServing(server);
    });
  });
});
