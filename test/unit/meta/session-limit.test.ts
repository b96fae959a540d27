import { expect, it } from 'vitest';
import { SessionLimit } from '../../../src/meta/postgresql/session-limit.ts';

/** A server that allows `allowed` sessions, and a process that wants up to four of them. */
function makeServer(allowed: number) {
  const server = { allowed, open: 0, idle: 0, most: 0, refused: 0, told: 0 };
  const limit = new SessionLimit({
    most: 4,
    isFull: (error) => error === 'full',
    hasIdle: () => server.idle > 0,
    onFewer: () => server.told++,
  });
  const open = async () => {
    if (server.idle > 0) {
      server.idle--;
      return;
    }
    await new Promise(setImmediate);
    if (server.open >= server.allowed) {
      server.refused++;
      throw 'full';
    }
    server.most = Math.max(server.most, ++server.open);
  };
  const use = async (work: () => Promise<void> = async () => {}) => {
    await limit.enter(open);
    await new Promise(setImmediate);
    await work();
    server.idle++;
    limit.leave();
  };
  return { server, limit, open, use };
}

const eleven = (use: () => Promise<void>) => Promise.all(Array.from({ length: 11 }, () => use()));

it.each([1, 2, 3, 4, 9])('all work is done on a server that allows %i sessions, and told once', async (allowed) => {
  const { server, use } = makeServer(allowed);
  await eleven(use);
  await eleven(use);
  expect(server).toMatchObject({ open: Math.min(4, allowed), most: Math.min(4, allowed), told: allowed < 4 ? 1 : 0 });
  expect(server.refused).toBe(Math.max(0, 4 - allowed));
});

it('a server that allows none refuses everybody: nobody waits for ever', async () => {
  const { server, use } = makeServer(0);
  const outcomes = await Promise.allSettled(Array.from({ length: 11 }, () => use()));
  expect(outcomes.map(({ status }) => status)).toEqual(Array(11).fill('rejected'));
  expect(server.told).toBe(0);
});

it('other failures go to the caller, and free the place', async () => {
  const { limit, use, server } = makeServer(4);
  const failing = Array.from({ length: 9 }, () => limit.enter(() => Promise.reject('gone')));
  expect((await Promise.allSettled(failing)).every(({ status }) => status === 'rejected')).toBe(true);
  await use();
  expect(server.most).toBe(1);
});

it('a session that became free while another was refused is used', async () => {
  const { limit, use, server } = makeServer(1);
  const first = use();
  // Asks the server while the first one is in use, and is refused after its end.
  await new Promise(setImmediate);
  await limit.enter(async () => {
    if (server.idle > 0) return;
    await first;
    throw 'full';
  });
  expect(server.told).toBe(1);
});
