/** All that we take of the SDK: the build makes a bundle of its own of this module, 900 KB, and leaves out what is not named here. */
export {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
