import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Ceph } from './ceph.mjs';

const BUCKET = 'bench';

/**
 * The address of a single-node Ceph's gateway, and a bucket in it.
 * @typedef {import('./ceph.mjs').S3User & { endpoint: string, port: number, bucket: string }} S3Address
 */

/** Starts a Ceph with a gateway. It ends with this process, or when `stop` is called. */
export async function startGateway() {
  const user = { accessKey: 'BENCHACCESSKEY000001', secretKey: 'benchSecretKey0123456789benchSecretKey01' };
  const ceph = await Ceph.start(user);
  const { port } = ceph;
  /** @type {S3Address} */
  const address = { ...user, endpoint: `http://127.0.0.1:${port}`, port, bucket: BUCKET };
  const client = bareClient(address);
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
  return { address, stop: () => ceph.stop() };
}

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/**
 * The SDK with its defaults, but without retries, which would hide failures.
 * @param {S3Address} address
 */
export function bareClient({ endpoint, accessKey, secretKey }) {
  return new S3Client({
    endpoint,
    region: 'default',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
}
