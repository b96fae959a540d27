import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A connection of a client, as the proxy passes it on. */
export interface Connection {
  /** Resets it, on both sides. */
  cut(): void;
}

/**
 * A TCP proxy between the program and a server, for example PostgreSQL. The test can cut its
 * connections or make them hang. Data may be delayed, never changed.
 */
export class TcpProxy {
  /** Added to each direction. */
  delayMs = 0;
  /** While true, new connections are reset. */
  refusing = false;
  /** Sees each chunk before it is passed on; false drops it. */
  inspect: (chunk: Buffer, from: 'client' | 'server', connection: Connection) => boolean = () => true;
  #hanging = false;
  readonly #pairs = new Set<Pair>();
  readonly #server: Server;

  private constructor(serverPort: number) {
    this.#server = createServer((client) => this.#accept(client, serverPort));
  }

  /**
   * @param serverPort of the real server, on loopback.
   * @param port of the proxy; any free one when absent.
   */
  static async start(serverPort: number, port = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(serverPort);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Number of open connections. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Resets all connections, on both sides. */
  cut(): void {
    for (const pair of this.#pairs) pair.cut();
  }

  /**
   * From now on no data moves on any connection, new ones included, but all stay open, as if a
   * cable was pulled.
   */
  hang(): void {
    this.#hanging = true;
    for (const pair of this.#pairs) pair.pause();
  }

  /** Ends `hang`: data sent meanwhile arrives. */
  resume(): void {
    this.#hanging = false;
    for (const pair of this.#pairs) pair.resume();
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.cut();
  }

  #accept(client: Socket, serverPort: number): void {
    if (this.refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(serverPort, '127.0.0.1');
    const pair = new Pair(client, server);
    this.#pairs.add(pair);
    this.#pass('client', pair);
    this.#pass('server', pair);
    if (this.#hanging) pair.pause();
  }

  #pass(side: 'client' | 'server', pair: Pair): void {
    const from = pair[side];
    const to = side === 'client' ? pair.server : pair.client;
    from.setNoDelay(true);
    // Timers of one length run in the order of their start.
    const later = (what: () => void) => (this.delayMs === 0 ? what() : void setTimeout(what, this.delayMs));
    from.on('data', (chunk) => {
      if (this.inspect(chunk, side, pair)) later(() => void (to.destroyed || to.write(chunk)));
    });
    from.on('end', () => later(() => void to.end()));
    // The other side learns of it by the close that follows.
    from.on('error', () => {});
    from.on('close', () => {
      this.#pairs.delete(pair);
      later(() => to.destroy());
    });
  }
}

class Pair implements Connection {
  readonly client: Socket;
  readonly server: Socket;

  constructor(client: Socket, server: Socket) {
    this.client = client;
    this.server = server;
  }

  cut(): void {
    for (const socket of [this.client, this.server]) socket.resetAndDestroy();
  }

  pause(): void {
    for (const socket of [this.client, this.server]) socket.pause();
  }

  resume(): void {
    for (const socket of [this.client, this.server]) socket.resume();
  }
}
