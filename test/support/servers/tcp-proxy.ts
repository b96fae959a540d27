import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy between the program and a server, for example PostgreSQL. The test can cut its
 * connections or make them hang. Data may be delayed, never changed.
 */
export class TcpProxy {
  /** Added to each direction. */
  delayMs = 0;
  /** While true, new connections are reset. */
  refusing = false;
  #hanging = false;
  readonly #pairs = new Set<[client: Socket, server: Socket]>();
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
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /**
   * From now on no data moves on any connection, new ones included, but all stay open, as if a
   * cable was pulled.
   */
  hang(): void {
    this.#hanging = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** Ends `hang`: data sent meanwhile arrives. */
  resume(): void {
    this.#hanging = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
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
    const pair: [Socket, Socket] = [client, server];
    this.#pairs.add(pair);
    this.#pass(client, server, pair);
    this.#pass(server, client, pair);
    if (this.#hanging) for (const socket of pair) socket.pause();
  }

  #pass(from: Socket, to: Socket, pair: [Socket, Socket]): void {
    from.setNoDelay(true);
    // Timers of one length run in the order of their start.
    const later = (what: () => void) => (this.delayMs === 0 ? what() : void setTimeout(what, this.delayMs));
    from.on('data', (chunk) => later(() => void (to.destroyed || to.write(chunk))));
    from.on('end', () => later(() => void to.end()));
    // The other side learns of it by the close that follows.
    from.on('error', () => {});
    from.on('close', () => {
      this.#pairs.delete(pair);
      later(() => to.destroy());
    });
  }
}
