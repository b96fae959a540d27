import { createServer, type OutgoingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { S3BackendOptions } from '../../../src/data/options.ts';

/** A request as a rule sees it. */
interface FakeRequest {
  method: string;
  /** Empty for requests to the bucket itself. */
  key: string;
  query: URLSearchParams;
  headers: NodeJS.Dict<string | string[]>;
  body: Buffer;
  /** Of the signature. */
  accessKeyId: string;
}

interface FakeAnswer {
  status: number;
  body?: string | Buffer;
  headers?: OutgoingHttpHeaders;
}

/** An error document as servers give it. */
export function s3Error(status: number, code: string, message = ''): FakeAnswer {
  return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>` };
}

/**
 * A bucket in memory behind HTTP, for answers that no server of the tests gives. It checks no
 * signature.
 */
export class FakeS3 {
  readonly objects = new Map<string, Buffer>();
  readonly requests: FakeRequest[] = [];
  /** Answers a request instead of the bucket; undefined: the bucket answers. */
  rule: (request: FakeRequest) => FakeAnswer | undefined | Promise<FakeAnswer | undefined> = () => undefined;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (incoming, answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk);
      const { pathname, searchParams: query } = new URL(incoming.url ?? '/', 'http://fake');
      const [, accessKeyId = ''] = /Credential=([^/]*)/.exec(incoming.headers.authorization ?? '') ?? [];
      const request: FakeRequest = {
        ...{ method: incoming.method ?? '', key: pathname.split('/').slice(2).join('/'), query },
        ...{ headers: incoming.headers, body: Buffer.concat(chunks), accessKeyId },
      };
      this.requests.push(request);
      send(answer, (await this.rule(request)) ?? this.#answer(request));
    });
  }

  static async start(): Promise<FakeS3> {
    const fake = new FakeS3();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  options(given: Partial<S3BackendOptions> = {}): S3BackendOptions {
    return {
      ...{ type: 's3', bucket: 'bucket', region: 'default', pathStyle: true, stallMs: 5_000, retryForMs: 1 },
      endpoint: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      credentials: { accessKeyId: { text: 'KEY' }, secretAccessKey: { text: 'secret' } },
      ...given,
    };
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer({ method, key, query, body }: FakeRequest): FakeAnswer {
    if (key === '') return method === 'POST' ? this.#deleteSeveral(body.toString()) : this.#list(query);
    if (method === 'PUT') this.objects.set(key, body);
    if (method === 'PUT') return { status: 200, headers: { etag: '"x"' } };
    if (method === 'DELETE') this.objects.delete(key);
    if (method === 'DELETE') return { status: 204 };
    const found = this.objects.get(key);
    return found === undefined ? s3Error(404, 'NoSuchKey') : { status: 200, body: found, headers: { etag: '"x"' } };
  }

  #deleteSeveral(body: string): FakeAnswer {
    const keys = [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
    for (const key of keys) this.objects.delete(key);
    return {
      status: 200,
      body: `<DeleteResult>${keys.map((key) => `<Deleted><Key>${key}</Key></Deleted>`).join('')}</DeleteResult>`,
    };
  }

  #list(query: URLSearchParams): FakeAnswer {
    const [prefix, after] = [query.get('prefix') ?? '', query.get('start-after') ?? ''];
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>${this.objects.get(key)?.length}</Size></Contents>`);
    return { status: 200, body: `<ListBucketResult><Name>bucket</Name>${contents.join('')}</ListBucketResult>` };
  }
}

function send(answer: ServerResponse, { status, body = '', headers = {} }: FakeAnswer): void {
  if (status === 204) answer.writeHead(204, headers).end();
  else answer.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
}
