import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The fault of one request. */
export type Fault =
  /** The connection is reset before the server has received anything. */
  | { kind: 'resetBefore' }
  /** The server does the work, then the connection is reset instead of its answer. */
  | { kind: 'resetAfter' }
  /**
   * The server receives nothing. The answer is this status with an S3 error of this name, e.g. 503
   * SlowDown, 404 NoSuchKey.
   */
  | { kind: 'status'; status: number; code: string; headers?: OutgoingHttpHeaders }
  /** The server's answer with all its headers, but the body and the connection end half way. */
  | { kind: 'cutBody' }
  /**
   * No answer ever comes, and the connection stays open. `reaches`: the server does the work
   * nevertheless.
   */
  | { kind: 'hang'; reaches?: true };

/** A request as received. */
export interface SeenRequest {
  method: string;
  /** With the query. */
  path: string;
  /** Counts all requests from 0 on. */
  number: number;
}

/** A request with its fate. `status`: of the server's answer, if it got the request. */
interface PassedRequest extends SeenRequest {
  fault?: Fault['kind'];
  status?: number;
}

/**
 * An HTTP proxy between the program and a server; the test decides the fault of each request. Hosts
 * and bodies pass unchanged, so that signatures stay valid.
 */
export class FaultProxy {
  /** Chooses the fault of a request; undefined: none. */
  decide: (request: SeenRequest) => Fault | undefined = () => undefined;
  /** Added to every answer, for each request separately. */
  latencyMs = 0;
  /** Bytes per second of all bodies together, both ways; 0 is unlimited. */
  bytesPerSecond = 0;
  /** All requests in the order of arrival. */
  readonly requests: PassedRequest[] = [];
  /** The highest number of simultaneous requests. */
  maxInFlight = 0;
  #inFlight = 0;
  #freeAt = 0;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #serverPort: number;

  private constructor(serverPort: number) {
    this.#serverPort = serverPort;
    this.#server = createServer((incoming, answer) => this.#handle(incoming, answer));
    this.#server.keepAliveTimeout = 60_000;
  }

  /**
   * @param serverPort of the real server, on loopback.
   * @param port of the proxy; any free one when absent.
   */
  static async start(serverPort: number, port = 0): Promise<FaultProxy> {
    const proxy = new FaultProxy(serverPort);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `http://127.0.0.1:PORT`. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Removes faults and limits, and forgets the requests seen. */
  reset(): void {
    this.decide = () => undefined;
    this.latencyMs = 0;
    this.bytesPerSecond = 0;
    this.requests.length = 0;
    this.maxInFlight = 0;
  }

  /** Stops it, with every connection. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    this.#agent.destroy();
  }

  #handle(incoming: IncomingMessage, answer: ServerResponse): void {
    const seen: PassedRequest = { method: incoming.method ?? '', path: incoming.url ?? '', number: this.requests.length };
    this.requests.push(seen);
    const fault = this.decide(seen);
    if (fault !== undefined) seen.fault = fault.kind;
    this.maxInFlight = Math.max(this.maxInFlight, ++this.#inFlight);
    answer.once('close', () => {
      this.#inFlight--;
    });
    // If one side disconnects, the other side must notice.
    this.#serve(incoming, answer, { seen, fault }).catch(() => incoming.socket.destroy());
  }

  async #serve(
    incoming: IncomingMessage,
    answer: ServerResponse,
    { seen, fault }: { seen: PassedRequest; fault: Fault | undefined },
  ): Promise<void> {
    if (fault?.kind === 'resetBefore') {
      incoming.socket.resetAndDestroy();
      return;
    }
    // Read the body first: an early answer could be lost while the client still writes.
    if (fault?.kind === 'status' || (fault?.kind === 'hang' && fault.reaches !== true)) {
      for await (const _ of incoming);
      if (fault.kind === 'hang') return;
      await sleep(this.latencyMs);
      const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${fault.code}</Code><RequestId>fault</RequestId></Error>`;
      const headers = { 'content-type': 'application/xml', 'content-length': body.length, ...fault.headers };
      answer.writeHead(fault.status, headers).end(seen.method === 'HEAD' ? '' : body);
      return;
    }
    const response = await this.#forward(incoming);
    seen.status = response.statusCode ?? 0;
    if (this.latencyMs > 0) await sleep(this.latencyMs);
    if (fault?.kind === 'resetAfter' || fault?.kind === 'hang') {
      for await (const _ of response);
      if (fault.kind === 'resetAfter') incoming.socket.resetAndDestroy();
      return;
    }
    answer.writeHead(seen.status, response.rawHeaders);
    // A GET's answer has a length (S3 sends no chunks): a cut leaves half of it.
    let left = fault?.kind === 'cutBody' ? Math.floor(Number(response.headers['content-length'] ?? 0) / 2) : Infinity;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      await this.#pace(chunk.length);
      if (chunk.length > left) {
        answer.write(chunk.subarray(0, left), () => incoming.socket.destroy());
        return;
      }
      left -= chunk.length;
      if (!answer.write(chunk)) await once(answer, 'drain');
    }
    answer.end();
  }

  async #forward(incoming: IncomingMessage): Promise<IncomingMessage> {
    // Node has already answered 100 Continue.
    const { expect: _, ...headers } = incoming.headers;
    const { method, url: path } = incoming;
    const outgoing = httpRequest({ host: '127.0.0.1', port: this.#serverPort, method, path, headers, agent: this.#agent });
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    // Handled below, after the body.
    answered.catch(() => {});
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      await this.#pace(chunk.length);
      if (!outgoing.write(chunk)) await Promise.race([once(outgoing, 'drain'), answered]);
    }
    outgoing.end();
    const [response] = await answered;
    return response;
  }

  /** Waits until `bytes` more fit into the bandwidth. */
  async #pace(bytes: number): Promise<void> {
    if (this.bytesPerSecond === 0) return;
    this.#freeAt = Math.max(this.#freeAt, performance.now()) + (bytes / this.bytesPerSecond) * 1000;
    await sleep(this.#freeAt - performance.now());
  }
}

/**
 * For {@link FaultProxy.decide}: the first `count` requests that `matches` accepts go wrong, later
 * ones pass.
 */
export function firstRequests(
  count: number,
  matches: (request: SeenRequest) => boolean,
  fault: Fault,
): (request: SeenRequest) => Fault | undefined {
  let left = count;
  return (request) => (left > 0 && matches(request) && left-- > 0 ? fault : undefined);
}
