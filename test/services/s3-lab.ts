import { inject } from 'vitest';
import type { Sections } from '../support/labs/config-text.ts';
import { Lab, type LabOptions } from '../support/labs/lab.ts';
import { createBucket, deleteBucket, listCatalogue, listOtherKeys } from './s3-buckets.ts';

/** A lab whose blobs are in a bucket of its own. */
export interface S3Lab {
  lab: Lab;
  bucket: string;
  /** Keys in the bucket, sorted, without the object that names the store and the catalogue. */
  keys(): Promise<string[]>;
  /** Keys of the catalogue without their prefix, sorted. */
  catalogue(): Promise<string[]>;
  remove(): Promise<void>;
}

/**
 * Sets up a lab; `endpoint`: a proxy in front of the gateway. Timeouts are short, so that no test
 * takes minutes.
 */
export async function createS3Lab(options: LabOptions = {}, endpoint?: string): Promise<S3Lab> {
  const { s3 } = inject('ceph');
  const bucket = await createBucket(s3);
  const config = { ...options.config, DataBackend: { ...s3Section(bucket, endpoint), ...options.config?.DataBackend } };
  const lab = await Lab.create({ ...options, config });
  return {
    lab,
    bucket,
    keys: () => listOtherKeys(s3, bucket),
    catalogue: () => listCatalogue(s3, bucket),
    remove: async () => {
      lab.remove();
      await deleteBucket(s3, bucket);
    },
  };
}

/** Section DataBackend for a bucket of the tests' gateway. */
export function s3Section(bucket: string, endpoint?: string): NonNullable<Sections[string]> {
  const { s3 } = inject('ceph');
  return {
    type: 's3',
    aws_access_key_id: s3.accessKey,
    aws_secret_access_key: s3.secretKey,
    endpoint_url: endpoint ?? s3.endpoint,
    bucket_name: bucket,
    request_timeout: 2,
    retry_time: 20,
    simultaneous_writes: 5,
    simultaneous_reads: 5,
  };
}
