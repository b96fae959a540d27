import type { Decision } from '../shared/messages.ts';
import type { Operation } from './operation.ts';
import type { SlotPlan } from './pool-options.ts';

/** The part of a pool that an operation needs. Unit tests hand in one without threads. */
export interface BlockPool {
  readonly slots: Pick<SlotPlan, 'blocksPerSlot'>;
  /** Resolves when no job is left and every answer is handled. Rejects with the first failure. */
  run(operation: Operation): Promise<void>;
  /** Answers `digested`. */
  decide(job: number, decisions: Decision[]): void;
  /** When it resolves, all blocks answered as stored or fetched before the call are durable. */
  flush(): Promise<void>;
}
