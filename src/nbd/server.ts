import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { errnoOf } from '../errors.ts';
import { type Served, serveConnection } from './connection.ts';
import { NBD_LIMITS, type NbdLimits } from './limits.ts';
import { checkListenAddress, type ListenAddress, listenFailure } from './listen-address.ts';
import { Places } from './places.ts';
import { TransmissionMemory } from './transmission-memory.ts';

/** Idle time after which the kernel checks whether a client's host still exists. */
const KEEP_ALIVE_MS = 60_000;
/** Minimum time between two warnings about connections that lost their places. */
const WARNING_INTERVAL_MS = 60_000;

/** A running server. */
export interface NbdServer {
  /**
   * For NBD clients: `nbd+unix:///?socket=…` or `nbd://…`, with TLS `nbds…`. The name of an export
   * goes before the question mark, else at the end.
   */
  uri: string;
  /** Disconnects all clients and resolves when their requests have ended. */
  close(): Promise<void>;
}

/** The exports of a server, and its limits [NBD_LIMITS]. */
export interface NbdServerOptions extends Pick<Served, 'exports' | 'logger' | 'tls'> {
  limits?: Partial<NbdLimits> | undefined;
}

/**
 * Serves exports until it is closed. Throws a BackyError when it can't listen. Failures of clients
 * are logged.
 */
export async function listenNbd(address: ListenAddress, options: NbdServerOptions): Promise<NbdServer> {
  checkListenAddress(address);
  const limits = { ...NBD_LIMITS, ...options.limits };
  const served: Served = { ...options, limits, memory: new TransmissionMemory(limits) };
  const places = new Places(limits);
  const warnOfDrop = seldom(() =>
    options.logger.warning('Too many connections that open no export: those that were quiet longest are disconnected.'),
  );
  const sockets = new Set<Socket>();
  const connections = new Set<Promise<void>>();
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
    // Without a listener the error would end the program. Reads and writes fail with it anyway.
    socket.on('error', () => {});
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const place = places.enter(() => {
      socket.destroy();
      warnOfDrop();
    });
    const connection = serveConnection(socket, served, place).finally(() => connections.delete(connection));
    connections.add(connection);
  });
  if ('path' in address) await removeStale(address.path);
  await listen(server, address);
  return {
    uri: uriOf(server, address, options.tls === undefined ? 'nbd' : 'nbds'),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await Promise.all(connections);
      await closed;
    },
  };
}

/** Calls `warn`, but not again within WARNING_INTERVAL_MS. */
function seldom(warn: () => void): () => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() < lastMs + WARNING_INTERVAL_MS) return;
    lastMs = performance.now();
    warn();
  };
}

async function listen(server: Server, address: ListenAddress): Promise<void> {
  // The socket must never be open to other users, not even before a chmod.
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, resolve);
    });
  } catch (error) {
    throw listenFailure(address, error);
  } finally {
    process.umask(umask);
  }
}

/** Removes the socket of a server that was killed: one where nothing answers. */
async function removeStale(path: string): Promise<void> {
  const failure = await new Promise<Error | undefined>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.on('error', resolve);
  });
  // Other kinds of files refuse connections too. They stay.
  if (errnoOf(failure) === 'ECONNREFUSED' && lstatSync(path).isSocket()) unlinkSync(path);
}

function uriOf(server: Server, address: ListenAddress, scheme: 'nbd' | 'nbds'): string {
  if ('path' in address) return `${scheme}+unix:///?socket=${encodeURI(address.path)}`;
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return `${scheme}://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`;
}
