import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { encrypted } from '../support/labs/encryption.ts';
import { PostgresServer } from './postgres.ts';
import { createS3Lab } from './s3-lab.ts';

const BLOCK = 4096;

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start({});
});
afterAll(() => server.stop());

/** Nights of images in a bucket, with the metadata in PostgreSQL. */
describe.each([
  ['classic', 'plain', {}],
  ['compact', 'encrypted', encrypted()],
] as const)('layout %s, %s blobs', (layout, _, config) => {
  test('a lost server costs nothing: all versions restore from the bucket, and come back to another', async () => {
    const engine = async () => ({ MetaBackend: { engine: server.url(await server.createDatabase()), layout } });
    const s3 = await createS3Lab({ config });
    const { lab } = s3;
    lab.configure(await engine());
    await lab.ok('initdb', '--layout', layout);
    const hashes = new Map<string, string>();
    for (const name of ['web', 'mail']) {
      let bytes = Buffer.concat([noise(30 * BLOCK, name), Buffer.alloc(5 * BLOCK)]);
      let base: string | undefined;
      for (let night = 0; night < 3; night++) {
        bytes = Buffer.from(bytes);
        noise(BLOCK, `${name}-${night}`).copy(bytes, night * BLOCK);
        const hints = lab.write('hints', JSON.stringify([{ offset: night * BLOCK, length: BLOCK, exists: true }]));
        const words = base === undefined ? [] : ['-f', base, '-r', hints];
        base = await lab.backup(...words, '-t', `night-${night}`, `file://${lab.write('image', bytes)}`, name);
        hashes.set(base, sha256(bytes));
      }
    }
    const [first = ''] = hashes.keys();
    await lab.ok('rm', '-f', first);
    hashes.delete(first);
    const before = [await lab.ok('-m', 'ls'), await lab.ok('-m', 'du')];

    lab.configure(await engine());
    expect(await lab.ok('-m', 'ls', '--from-store')).toBe(before[0]);
    for (const [uid, hash] of hashes) {
      const target = lab.path(`from-store-${uid}`);
      await lab.ok('restore', '--from-store', uid, `file://${target}`);
      expect(sha256OfFile(target)).toBe(hash);
    }
    await lab.ok('rebuild-db', '--layout', layout);
    expect([await lab.ok('-m', 'ls'), await lab.ok('-m', 'du')]).toEqual(before);
    await lab.ok('check-metadata');
    await lab.ok('scrub', '--all');
    await lab.ok('cleanup', '--dangerous-force');
    for (const [uid, hash] of hashes) expect(await lab.restoredSha256(uid)).toBe(hash);
    await s3.remove();
  });
});
