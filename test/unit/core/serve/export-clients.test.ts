import { expect, it } from 'vitest';
import { ExportClients } from '../../../../src/core/serve/export-clients.ts';

it('is clean after clients that disconnected properly, flushed or not', async () => {
  const clients = new ExportClients();
  clients.add();
  await clients.track(Promise.resolve(), false);
  clients.remove(true);
  expect([clients.count, clients.isClean]).toEqual([0, true]);
});

it('is clean after a client that disappeared after a flush, or had forced all writes', async () => {
  const clients = new ExportClients();
  clients.add();
  await clients.track(Promise.resolve(), false);
  clients.flushed();
  await clients.track(Promise.resolve(), true);
  clients.remove(false);
  expect(clients.isClean).toBe(true);
});

it('is not clean after a client that disappeared with unflushed writes, whatever others do later', async () => {
  const clients = new ExportClients();
  clients.add();
  clients.add();
  await clients.track(Promise.resolve(), false);
  clients.remove(false);
  clients.flushed();
  clients.remove(true);
  expect(clients.isClean).toBe(false);
});

it('does not count a flush for a write that ends after it', async () => {
  const clients = new ExportClients();
  clients.add();
  let end: () => void = () => {};
  const write = new Promise<void>((resolve) => {
    end = resolve;
  });
  const tracked = clients.track(write, false);
  clients.flushed();
  expect(clients.isWriting).toBe(true);
  end();
  await tracked;
  expect(clients.isWriting).toBe(false);
  clients.remove(false);
  expect(clients.isClean).toBe(false);
});

it('waits for writes of clients that are gone, failed ones too', async () => {
  const clients = new ExportClients();
  const tracked = clients.track(Promise.reject(new Error('no space')), false);
  tracked.catch(() => {});
  await clients.settle();
  expect(clients.isWriting).toBe(false);
  await expect(tracked).rejects.toThrow('no space');
});
