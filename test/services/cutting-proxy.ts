import { type Connection, TcpProxy } from '../support/servers/tcp-proxy.ts';

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
  readonly #cutOnAnswer = new WeakSet<Connection>();
  readonly #proxy: TcpProxy;

  private constructor(proxy: TcpProxy) {
    this.#proxy = proxy;
    proxy.inspect = (chunk, from, connection) =>
      from === 'client' ? this.#passesQuery(chunk, connection) : this.#passesAnswer(connection);
  }

  static async start(serverPort: number): Promise<CuttingProxy> {
    return new CuttingProxy(await TcpProxy.start(serverPort));
  }

  get port(): number {
    return this.#proxy.port;
  }

  cutNextCommit(cut: Cut): void {
    this.#next = cut;
  }

  /** Cuts all connections now. */
  cutAll(): void {
    this.#proxy.cut();
  }

  stop(): Promise<void> {
    return this.#proxy.stop();
  }

  #passesQuery(chunk: Buffer, connection: Connection): boolean {
    if (!chunk.includes('COMMIT\0')) return true;
    this.commits++;
    const cut = this.#next;
    this.#next = undefined;
    if (cut === 'after') this.#cutOnAnswer.add(connection);
    if (cut === 'before') connection.cut();
    return cut !== 'before';
  }

  #passesAnswer(connection: Connection): boolean {
    const isCut = this.#cutOnAnswer.has(connection);
    if (isCut) connection.cut();
    return !isCut;
  }
}
