import { createHash } from 'node:crypto';
import type { S3BackendOptions } from '../options.ts';
import type { AccessKey } from './access-key.ts';
import { S3Client, type S3ClientConfig } from './sdk.ts';
import { makeAgents } from './stall-agents.ts';

/** The part of the SDK's request that is changed here. */
interface BuiltRequest {
  method: string;
  headers: Record<string, string>;
  body?: unknown;
}

/**
 * An S3 client with few costs per request that still lets no damaged byte pass. Content-MD5, which
 * is signed, protects the body, so the signature need not hash it again. Uploads do not ask before
 * (`Expect: 100-continue` costs a round trip). It does not retry. `handler`: the connections of
 * another client, to share.
 */
export function makeClient(
  options: S3BackendOptions,
  key: AccessKey | undefined,
  handler?: S3ClientConfig['requestHandler'],
): S3Client {
  const { endpoint, region, pathStyle } = options;
  const config: S3ClientConfig = {
    region,
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(key === undefined ? {} : { credentials: { ...key } }),
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    requestHandler: handler ?? { ...makeAgents(options.stallMs), requestTimeout: 0, connectionTimeout: 0 },
  };
  // The SDK's warnings about future versions of Node are not for users of this program.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const client = new S3Client(config);
  client.middlewareStack.add(
    (next) => (args) => {
      prepare(args.request as BuiltRequest);
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'backy2-checksums' },
  );
  return client;
}

function prepare(request: BuiltRequest): void {
  const { headers, method, body } = request;
  if (method === 'PUT') headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
  // Deletes need a checksum, and not every server knows the one that the SDK chooses.
  if (method !== 'POST' || typeof body !== 'string') return;
  for (const name of Object.keys(headers)) if (/^x-amz-(checksum-|sdk-checksum)/i.test(name)) delete headers[name];
  headers['content-md5'] = createHash('md5').update(body).digest('base64');
}
