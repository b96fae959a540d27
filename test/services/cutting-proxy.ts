import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Where a connection is cut when the program sends COMMIT: before the server receives it, or after
 * it has answered.
 */
type Cut = 'before' | 'after';

/** A proxy between program and server that cuts the connection at the next COMMIT, on request. */
export class CuttingProxy {
  /** Number of commits seen. */
  commits = 0;
  #next: Cut | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#relay(client, connect(targetPort, '127.0.0.1')));
  }

  static async start(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cutNextCommit(cut: Cut): void {
    this.#next = cut;
  }

  /** Cuts all connections now. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cutAll();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(client: Socket, server: Socket): void {
    let cutOnAnswer = false;
    const cut = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        cut();
      });
    }
    client.on('data', (bytes) => {
      if (bytes.includes('COMMIT\0')) {
        this.commits++;
        const how = this.#next;
        this.#next = undefined;
        if (how === 'before') return cut();
        cutOnAnswer = how === 'after';
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => (cutOnAnswer ? cut() : client.write(bytes)));
  }
}
