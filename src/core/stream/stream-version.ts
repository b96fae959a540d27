import type { Context } from '../context.ts';
import { prepareReading } from '../restore/prepare-reading.ts';
import { withVersion } from '../versions/with-version.ts';
import type { StreamRequest, StreamResult } from './request.ts';
import { StreamRun } from './stream-run.ts';

/**
 * Writes all bytes of a version to a sink, in order (docs/spec/semantics.md §3). Blocks are read in
 * parallel; memory holds those of the window only (block-window.ts).
 */
export function streamVersion(context: Context, request: StreamRequest): Promise<StreamResult> {
  return withVersion(context, request.uid, 'shared', async (version) => {
    const { geometry, guard } = await prepareReading(context, version, request);
    return new StreamRun(context, { request, version, geometry, guard }).perform();
  });
}
