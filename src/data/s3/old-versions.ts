import type { Connection } from './connection.ts';
import { isDenied } from './refusals.ts';
import { GetBucketLifecycleConfigurationCommand, GetBucketVersioningCommand } from './sdk.ts';

/**
 * A line for users if the bucket keeps what is deleted: it has versioning, and no rule that removes
 * old versions. Undefined too if the server does not tell, or denies the question.
 */
export async function describeOldVersions(connection: Connection): Promise<string | undefined> {
  const { bucket, endpoint } = connection.place;
  const ask = { Bucket: bucket };
  try {
    const { Status } = await connection.request((client) => client.send(new GetBucketVersioningCommand(ask)));
    if (Status === undefined) return undefined;
    const rules = await lifecycleRules(connection);
    if (rules === 'removed') return undefined;
    const unknown = rules === 'denied' ? ' Whether it has one is not known without s3:GetLifecycleConfiguration.' : '';
    return `Bucket "${bucket}" at ${endpoint} has versioning (${Status}): deleted blobs stay as old versions and still take space. Add a lifecycle rule with NoncurrentVersionExpiration.${unknown}`;
  } catch {
    return undefined;
  }
}

/** Whether old versions are removed by a rule. */
async function lifecycleRules(connection: Connection): Promise<'removed' | 'kept' | 'denied'> {
  try {
    const command = new GetBucketLifecycleConfigurationCommand({ Bucket: connection.place.bucket });
    const { Rules = [] } = await connection.request((client) => client.send(command));
    const removes = Rules.some(({ Status, NoncurrentVersionExpiration: rule }) => Status === 'Enabled' && rule !== undefined);
    return removes ? 'removed' : 'kept';
  } catch (error) {
    return isDenied(error) ? 'denied' : 'kept';
  }
}
