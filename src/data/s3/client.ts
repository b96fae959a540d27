import { createHash } from 'node:crypto';
import { BackyError, messageOf } from '../../errors.ts';
import { readRegularFile } from '../../native/read-regular-file.ts';
import type { GivenText, S3BackendOptions } from '../options.ts';
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
 * (`Expect: 100-continue` costs a round trip). It does not retry.
 */
export function makeClient(options: S3BackendOptions): S3Client {
  const { endpoint, region, pathStyle } = options;
  const config: S3ClientConfig = {
    region,
    forcePathStyle: pathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...credentialsOf(options),
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    requestHandler: { ...makeAgents(options.stallMs), requestTimeout: 0, connectionTimeout: 0 },
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

function credentialsOf({ credentials }: S3BackendOptions): Pick<S3ClientConfig, 'credentials'> {
  if (credentials === undefined) return {};
  const { accessKeyId, secretAccessKey } = credentials;
  return {
    credentials: {
      accessKeyId: textOf(accessKeyId, 'aws_access_key_id_file'),
      secretAccessKey: textOf(secretAccessKey, 'aws_secret_access_key_file'),
    },
  };
}

function textOf(given: GivenText, option: string): string {
  if ('text' in given) return given.text;
  let text: string;
  try {
    text = readRegularFile(given.file).trim();
  } catch (error) {
    throw new BackyError('config', `Cannot read the ${option} of section DataBackend: ${messageOf(error)}`, {
      hint: 'Check the path and the permissions of the file.',
      cause: error,
    });
  }
  if (text !== '' && !/\s/.test(text)) return text;
  throw new BackyError(
    'config',
    `${given.file} (${option} of section DataBackend) must hold the key, on one line, and nothing else.`,
  );
}
