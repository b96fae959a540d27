import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { BackyError, errnoOf, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { serveConnection } from './connection.ts';
import type { NbdExports } from './disk.ts';

/** Clients at once. Each may have 64 MiB in flight. */
const MOST_CONNECTIONS = 32;

/** Where to listen: a unix socket, or an address and a port (0: any that is free). */
export type ListenAddress = { path: string } | { host: string; port: number };

/** A server that listens. */
export interface NbdServer {
  /** As NBD clients take it (`nbd+unix:///?socket=…`, `nbd://…`); the name of an export goes before the question mark, or to the end. */
  uri: string;
  /** Takes no more clients, cuts off those that are there, and resolves when all of that is done with. */
  close(): Promise<void>;
}

/** Serves `exports` to all who come, until it is closed. A failure to listen is a BackyError; those of clients are logged. */
export async function listenNbd(address: ListenAddress, exports: NbdExports, logger: Logger): Promise<NbdServer> {
  const sockets = new Set<Socket>();
  const connections = new Set<Promise<void>>();
  const server = createServer({ noDelay: true }, (socket) => {
    // Told to whoever reads from it or writes to it; without a listener it would end the program.
    socket.on('error', () => {});
    sockets.add(socket);
    const connection = serveConnection(socket, exports, logger).finally(() => {
      sockets.delete(socket);
      connections.delete(connection);
    });
    connections.add(connection);
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.on('drop', () => logger.warning(`A client was turned away: there are ${MOST_CONNECTIONS} already.`));
  if ('path' in address) await removeStale(address.path);
  await listen(server, address);
  return {
    uri: uriOf(server, address),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await Promise.all(connections);
      await closed;
    },
  };
}

async function listen(server: Server, address: ListenAddress): Promise<void> {
  // Nobody else is to have a moment in which to connect.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, resolve);
    });
  } catch (error) {
    const where = 'path' in address ? address.path : `${address.host} port ${address.port}`;
    throw new BackyError('failed', `Cannot listen on ${where}: ${messageOf(error)}`, {
      hint: errnoOf(error) === 'EADDRINUSE' ? 'Another program does: stop it, or choose another place.' : 'Choose another place.',
      cause: error,
    });
  } finally {
    process.umask(umask);
  }
}

/** A server that was killed leaves its socket behind: one that nobody answers on is removed. */
async function removeStale(path: string): Promise<void> {
  const failure = await new Promise<Error | undefined>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.on('error', resolve);
  });
  // Files of other kinds refuse as well, and are not ours to remove.
  if (errnoOf(failure) === 'ECONNREFUSED' && lstatSync(path).isSocket()) unlinkSync(path);
}

function uriOf(server: Server, address: ListenAddress): string {
  if ('path' in address) return `nbd+unix:///?socket=${encodeURI(address.path)}`;
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return `nbd://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`;
}
