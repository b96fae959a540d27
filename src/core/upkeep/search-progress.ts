import type { OnSearched } from '../../meta/cleanup-store.ts';
import type { Context } from '../context.ts';
import { progressLog } from '../progress-log.ts';

/** Logs how far a long search of the metadata is. A stop of the program ends it. */
export function searchProgress(context: Pick<Context, 'logger' | 'signal'>): OnSearched {
  return progressLog(context, (_done, _total, percent) => `Searched ${percent} % of the metadata for blobs in use.`);
}
