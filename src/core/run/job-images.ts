import { BackyError } from '../../errors.ts';
import { RbdSession } from '../../io/rbd/rbd-session.ts';
import { rbdUrl } from '../../io/rbd/rbd-url.ts';
import { isPatternJob, type Job, jobName } from '../../model/job.ts';
import { matchingImages, parseAutoSource, patternOf } from '../auto/auto-source.ts';
import { withShared } from '../blocks/with-shared.ts';
import type { Context } from '../context.ts';
import type { JobImage } from './executor.ts';

/**
 * Lists the images of a job. Asks the cluster if its source is a pattern.
 * @throws BackyError if the cluster can't be asked, or no image matches.
 */
export async function imagesOfJob(context: Context, job: Job): Promise<JobImage[]> {
  const name = jobName(job);
  if (name !== undefined) return [{ name, source: job.source }];
  const place = parseAutoSource(job.source);
  const session = await RbdSession.open(context.io.rbd, context);
  return withShared(context, session, async () => {
    const images = matchingImages(place, await session.call('images', place));
    return images.map((image) => ({ name: image, source: rbdUrl({ ...place, image }) }));
  });
}

/** The image of a job with this name. Asks nobody. @throws BackyError `notFound`. */
export function imageOfJob(job: Job, name: string): JobImage {
  if (name === jobName(job)) return { name, source: job.source };
  if (isPatternJob(job) && /^[^/@*?]+$/.test(name)) {
    const place = parseAutoSource(job.source);
    if (patternOf(place).test(name)) return { name, source: rbdUrl({ ...place, image: name }) };
  }
  throw new BackyError('notFound', `Job ${job.key} has no image "${name}": its source is ${job.source}.`);
}
