import { createServer } from 'node:net';

/**
 * Below the kernel's ports for clients, so that none of them takes one between our check and the
 * server's bind.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/**
 * Finds `count` free ports of loopback in a row. `BACKY2_SERVICES_PORTS` (`25440-25459`) limits the
 * choice, for machines where several test at once.
 * @returns the first.
 */
export async function freePorts(count: number): Promise<number> {
  const [low = LOWEST, high = HIGHEST] = (process.env.BACKY2_SERVICES_PORTS ?? '').split('-').filter(Boolean).map(Number);
  const starts = high - low + 2 - count;
  const offset = Math.floor(Math.random() * starts);
  for (let n = 0; n < starts; n++) {
    const first = low + ((offset + n) % starts);
    if (await allFree(first, count)) return first;
  }
  throw new Error(`no ${count} free ports in a row between ${low} and ${high}`);
}

async function allFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port++) if (!(await isFree(port))) return false;
  return true;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
