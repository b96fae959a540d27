import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RbdOptions } from '../../src/io/options.ts';
import { RbdCalls } from '../../src/io/rbd/rbd-calls.ts';
import { RbdSource } from '../../src/io/rbd/rbd-source.ts';
import { RbdTarget } from '../../src/io/rbd/rbd-target.ts';
import { parseRbdPlace } from '../../src/io/rbd/rbd-url.ts';
import { sourceSuite } from '../support/conformance/source.ts';
import { targetSuite } from '../support/conformance/target.ts';
import { RBD_DEFAULTS } from '../unit/config/rbd-defaults.ts';
import { OBJECT, sharedCluster } from './rbd-cluster.ts';

const cluster = sharedCluster();
const LIMITS = { simultaneousReads: 4, simultaneousWrites: 4 };
const rbd: RbdOptions = { ...RBD_DEFAULTS, ...LIMITS, conffile: cluster.conf };

/** Here the test's own thread talks to the cluster. */
const calls = new RbdCalls();
beforeAll(() => calls.connect(rbd));
afterAll(() => calls.shutdown());

describe('an RBD image as a source', () => {
  sourceSuite(async () => {
    const content = Buffer.concat([randomBytes(5 * OBJECT), Buffer.alloc(5 * OBJECT), randomBytes(123 * 512)]);
    const image = cluster.newImage();
    await cluster.import(image, content);
    const opened = calls.open(parseRbdPlace(image, image), 'read');
    return {
      open: () => new RbdSource(image, opened),
      content,
      blockSize: 4096,
      dispose: async () => {
        calls.close(opened.handle);
        await cluster.remove(image);
      },
    };
  });
});

describe('an RBD image as a target', () => {
  targetSuite(async () => {
    const initial = randomBytes(3_000_320);
    const image = cluster.newImage();
    await cluster.import(image, initial);
    const opened = calls.open(parseRbdPlace(image, image), 'write');
    return {
      open: () => new RbdTarget(image, opened),
      read: () => cluster.read(image),
      initial,
      dispose: async () => {
        calls.close(opened.handle);
        await cluster.remove(image);
      },
    };
  });
});

describe('zeros', () => {
  const image = cluster.newImage();
  beforeAll(() => cluster.import(image, randomBytes(16 * OBJECT)));
  afterAll(() => cluster.remove(image));

  it('free the space of whole objects', async () => {
    expect(await cluster.used(image)).toBe(16 * OBJECT);
    const opened = calls.open(parseRbdPlace(image, image), 'write');
    const target = new RbdTarget(image, opened);
    await target.writeZeros(OBJECT - 1, 10 * OBJECT);
    await target.flush();
    calls.close(opened.handle);
    expect(await cluster.used(image)).toBe(7 * OBJECT);
  });

  it('free a whole image before a restore', async () => {
    const old = cluster.newImage();
    await cluster.import(old, randomBytes(16 * OBJECT));
    const opened = calls.open(parseRbdPlace(old, old), 'write');
    expect(calls.zero(opened.handle, 0, 16 * OBJECT)).toBe(true);
    calls.close(opened.handle);
    expect(await cluster.used(old)).toBe(0);
    expect((await cluster.read(old)).equals(Buffer.alloc(16 * OBJECT))).toBe(true);
    await cluster.remove(old);
  });

  it('hide the data of a clone’s parent', async () => {
    const [parent, clone] = [cluster.newImage(), cluster.newImage()];
    const content = randomBytes(16 * OBJECT);
    await cluster.import(parent, content);
    await cluster.snapshot('create', `${parent}@base`);
    await cluster.snapshot('protect', `${parent}@base`);
    await cluster.clone(`${parent}@base`, clone);
    const opened = calls.open(parseRbdPlace(clone, clone), 'write');
    const target = new RbdTarget(clone, opened);
    await target.writeZeros(OBJECT - 1, 10 * OBJECT);
    await target.flush();
    calls.close(opened.handle);
    expect((await cluster.read(clone)).equals(Buffer.from(content).fill(0, OBJECT - 1, 11 * OBJECT - 1))).toBe(true);
    await cluster.remove(clone);
    await cluster.snapshot('unprotect', `${parent}@base`);
    await cluster.remove(parent);
  });
});

describe('a connection', () => {
  it('leaves no image in use when it ends', async () => {
    const image = cluster.newImage();
    await cluster.create(image, OBJECT);
    const own = new RbdCalls();
    own.connect(rbd);
    // As if the program was stopped while it waited for this.
    own.open(parseRbdPlace(image, image), 'write');
    expect(await cluster.watchers(image)).toHaveLength(1);
    own.shutdown();
    expect(await cluster.watchers(image)).toEqual([]);
    await cluster.remove(image);
  });
});

describe('differences', () => {
  it.each(['layering,exclusive-lock,object-map,fast-diff', 'layering'])(
    'of images of no bytes with %s are empty',
    async (features) => {
      const image = cluster.newImage();
      await cluster.create(image, OBJECT, features);
      await cluster.snapshot('create', `${image}@a`);
      await cluster.resize(image, 0);
      await cluster.snapshot('create', `${image}@b`);
      const place = parseRbdPlace(`${image}@b`, image);
      expect(calls.diff(place, 'a', new SharedArrayBuffer(4)).differences).toEqual([]);
      expect(calls.inUse(place, new SharedArrayBuffer(4))).toEqual([]);
      await cluster.remove(image);
    },
  );

  it.each(['layering,exclusive-lock,object-map,fast-diff', 'layering'])(
    'include data missing in a snapshot in between, with %s',
    async (features) => {
      const image = cluster.newImage();
      await cluster.create(image, 20 * OBJECT, features);
      await cluster.write(image, 0, randomBytes(20 * OBJECT));
      await cluster.snapshot('create', `${image}@a`);
      await cluster.resize(image, 3 * OBJECT + 512);
      await cluster.snapshot('create', `${image}@between`);
      await cluster.resize(image, 30 * OBJECT);
      await cluster.snapshot('create', `${image}@b`);
      const { differences } = calls.diff(parseRbdPlace(`${image}@b`, image), 'a', new SharedArrayBuffer(4));
      for (let offset = 3 * OBJECT + 512; offset < 20 * OBJECT; offset += 512) {
        expect(
          differences.some((each) => each.offset <= offset && offset < each.offset + each.length),
          `offset ${offset}`,
        ).toBe(true);
      }
      await cluster.remove(image);
    },
  );

  it('that touch are merged', async () => {
    const image = cluster.newImage();
    await cluster.import(image, randomBytes(3 * OBJECT));
    await cluster.snapshot('create', `${image}@a`);
    await cluster.write(image, 0, randomBytes(2 * OBJECT));
    await cluster.discard(image, 2 * OBJECT, OBJECT);
    await cluster.snapshot('create', `${image}@b`);
    expect(calls.diff(parseRbdPlace(`${image}@b`, image), 'a', new SharedArrayBuffer(4)).differences).toEqual([
      { offset: 0, length: 2 * OBJECT, exists: true },
      { offset: 2 * OBJECT, length: OBJECT, exists: false },
    ]);
    await cluster.remove(image);
  });
});
