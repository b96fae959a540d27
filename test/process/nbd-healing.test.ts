import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMAND, NBD_ERROR } from '../../src/nbd/numbers.ts';
import { mixedImage } from '../support/images/images.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { encrypted } from '../support/labs/encryption.ts';
import { Lab, type StoredBlob } from '../support/labs/lab.ts';
import { type Serving, startNbd, stopServing } from '../support/program/serving.ts';
import { NbdClient } from '../support/servers/nbd-client.ts';

const BLOCK = 8192;
const BAD = 5;
const image = mixedImage(BLOCK, 30, 'image');

// Encrypted, so that the row of a repaired block has its own key.
describe('an image that is open while others look after its blocks', () => {
  let lab: Lab;
  let uid: string;
  let source: string;
  let server: Serving & { socket: string };
  let client: NbdClient;
  beforeEach(async () => {
    lab = await Lab.create({ blockSize: BLOCK, workers: 1, config: encrypted() });
    lab.configure({ DEFAULTS: { cachedir: lab.path('home') } });
    source = `file://${lab.write('image', image)}`;
    uid = await lab.backup(source, 'vm');
    server = await startNbd(lab);
    client = await NbdClient.open(server.socket, uid);
  });
  afterEach(async () => {
    if (!server.running.hasEnded) await stopServing(server);
    lab.remove();
  });

  /** Reads the bad block once. */
  const errors = async () => {
    const reply = await client.request(COMMAND.read, { offset: BAD * BLOCK + 9, length: 10 });
    return reply.errors.map(({ error }) => error);
  };
  const bothAreGood = async () => {
    expect(sha256(await client.read(0, image.length))).toBe(sha256(image));
    expect(lab.version(uid).valid).toBe(1);
    expect(await lab.restoredSha256(uid)).toBe(sha256(image));
  };

  test.each([
    ['repair', () => lab.ok('repair', uid, '-s', source)],
    ['a backup', () => lab.ok('backup', source, 'again')],
  ])(
    'gives an error for a bad block until %s has mended it, and the right bytes to the same client from then on',
    async (_, mend) => {
      damage(lab.blobAt(uid, BAD));
      expect(await errors()).toEqual([NBD_ERROR.EIO]);
      // A client that gets an error finds the block marked.
      expect([lab.version(uid).valid, lab.blocks(uid)[BAD]?.valid]).toEqual([0, 0]);
      expect((await client.request(COMMAND.write, { offset: BAD * BLOCK + 1, data: noise(5, 'refused') })).error).toBe(
        NBD_ERROR.EIO,
      );
      expect(await errors()).toEqual([NBD_ERROR.EIO]);
      await mend();
      await bothAreGood();
      await client.write(BAD * BLOCK + 1, noise(5, 'part'));
      const model = Buffer.from(image);
      noise(5, 'part').copy(model, BAD * BLOCK + 1);
      expect(sha256(await client.read(0, model.length))).toBe(sha256(model));
      await client.disconnect();
      expect((await stopServing(server)).stderr.match(/block 5 /g)).toHaveLength(1);
    },
  );

  test('gives no error for a block that was repaired after its row was read, and whose old blob was removed', async () => {
    const blob = lab.blobAt(uid, BAD);
    // The first read fetches all rows.
    await client.read(0, 10);
    damage(blob);
    expect((await lab.run(['scrub', uid])).code).toBe(20);
    await lab.ok('repair', uid, '-s', source);
    blob.remove();
    expect(await errors()).toEqual([]);
    await bothAreGood();
    expect((await stopServing(server)).stderr).toBe('');
  });

  test('reads a block again that a scrub found good, and marks it once more when it is bad again', async () => {
    const blob = lab.blobAt(uid, BAD);
    const good = blob.read();
    damage(blob);
    expect(await errors()).toEqual([NBD_ERROR.EIO]);
    blob.write(good);
    expect(await errors()).toEqual([NBD_ERROR.EIO]);
    await lab.ok('scrub', uid);
    damage(blob);
    expect(await errors()).toEqual([NBD_ERROR.EIO]);
    expect(lab.version(uid).valid).toBe(0);
    blob.write(good);
    await lab.ok('scrub', uid);
    await bothAreGood();
  });
});

/** Keeps the length and changes the content. */
function damage(blob: StoredBlob): void {
  const bytes = blob.read();
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  blob.write(bytes);
}
