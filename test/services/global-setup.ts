import type { TestProject } from 'vitest/node';
import { type CephAddress, CephCluster } from './ceph.ts';
import { type PostgresAddress, PostgresServer } from './postgres.ts';

declare module 'vitest' {
  /**
   * Servers that all tests of a run share: `inject('postgres')`. A test that stops or breaks a
   * server starts one of its own.
   */
  export interface ProvidedContext {
    postgres: PostgresAddress;
    ceph: CephAddress;
  }
}

/** Starts the servers once for all test files. @returns a function that stops them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled([PostgresServer.start(), CephCluster.start()]);
  const stop = async () => {
    await Promise.all(started.map((server) => (server.status === 'fulfilled' ? server.value.stop() : undefined)));
  };
  const [postgres, ceph] = started;
  if (postgres.status === 'rejected' || ceph.status === 'rejected') {
    await stop();
    throw postgres.status === 'rejected' ? postgres.reason : ceph.status === 'rejected' && ceph.reason;
  }
  project.provide('postgres', { port: postgres.value.port, socketFolder: postgres.value.socketFolder });
  project.provide('ceph', ceph.value.address);
  return stop;
}
