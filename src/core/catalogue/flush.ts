import { BackyError } from '../../errors.ts';
import { NoRoomError } from '../../meta/no-room.ts';
import type { Context } from '../context.ts';

/** Reasons that were logged already: a command flushes twice. */
const warned = new WeakMap<Context['settings'], Set<string>>();

/** Whether this installation keeps a catalogue. */
export function keepsCatalogue({ settings, data }: Pick<Context, 'settings' | 'data'>): boolean {
  return settings.catalogue && data.backend.type !== 'null';
}

/** Before a command, for what a crash has left; or after it. */
export type FlushTime = 'before' | 'after';

/**
 * Writes manifests that are not up to date, and marks removals (docs/spec/semantics.md §17). Costs
 * two small queries if there are none. Does not fail because of the catalogue: it logs one warning,
 * and the next command tries again. Before a command, a broken database is an error.
 */
export async function flushCatalogue(context: Context, when: FlushTime = 'after'): Promise<void> {
  const { meta, signal } = context;
  if (!keepsCatalogue(context) || signal.aborted) return;
  try {
    const stale = await meta.staleVersions();
    const removed = (await meta.removedManifests()).filter(({ isMarked }) => !isMarked);
    if (stale.length + removed.length === 0 || (await meta.readOnlyReason()) !== undefined) return;
    await (await import('./outbox.ts')).emptyOutbox(context, { stale, removed });
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof BackyError)) throw error;
    if (when === 'before' && error.code === 'database' && !(error instanceof NoRoomError)) throw error;
    warn(context, error);
  }
}

function warn({ logger, settings }: Context, error: BackyError): void {
  const reasons = warned.get(settings) ?? new Set();
  warned.set(settings, reasons);
  if (reasons.has(error.message)) return;
  reasons.add(error.message);
  const line = `The catalogue in the data backend is not up to date: ${error.message} The next command tries again.`;
  // Another command has the whole installation: there is nothing wrong.
  if (error.code === 'locked') logger.debug(line);
  else logger.warning(line);
}
