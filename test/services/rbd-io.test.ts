import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { RbdOptions } from '../../src/io/options.ts';
import { RbdCalls } from '../../src/io/rbd/rbd-calls.ts';
import { RbdSource } from '../../src/io/rbd/rbd-source.ts';
import { RbdTarget } from '../../src/io/rbd/rbd-target.ts';
import { parseRbdPlace } from '../../src/io/rbd/rbd-url.ts';
import { sourceSuite } from '../conformance/source.ts';
import { targetSuite } from '../conformance/target.ts';
import { OBJECT, RbdCluster } from './rbd-cluster.ts';

const cluster = new RbdCluster(inject('ceph'));
const LIMITS = { simultaneousReads: 4, simultaneousWrites: 4 };
const rbd: RbdOptions = {
  ...LIMITS,
  conffile: cluster.conf,
  clusterName: 'ceph',
  radosName: 'client.admin',
  connectTimeoutSeconds: 30,
  operationTimeoutSeconds: 0,
  newImageFeatures: undefined,
  snapshotPrefix: undefined,
};

/** The thread that talks to the cluster is here this one. */
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
        await cluster.rbd('rm', '--no-progress', image);
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
        await cluster.rbd('rm', '--no-progress', image);
      },
    };
  });
});

describe('zeros', () => {
  const image = cluster.newImage();
  beforeAll(() => cluster.import(image, randomBytes(16 * OBJECT)));
  afterAll(() => cluster.rbd('rm', '--no-progress', image).then(() => {}));

  it('give the space of whole objects back', async () => {
    expect(await cluster.used(image)).toBe(16 * OBJECT);
    const opened = calls.open(parseRbdPlace(image, image), 'write');
    const target = new RbdTarget(image, opened);
    await target.writeZeros(OBJECT - 1, 10 * OBJECT);
    await target.flush();
    calls.close(opened.handle);
    expect(await cluster.used(image)).toBe(7 * OBJECT);
  });
});
