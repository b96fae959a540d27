import type { Layout } from '../../../src/model/layout.ts';
import { ROTATION } from '../runner/rotation.ts';
import { OPERATIONS, type Operation } from './operations.ts';

/** All operations with all layouts that they are swept with. */
export const IN_LAYOUTS: readonly Operation[] = (['classic', 'compact'] as const).flatMap((layout) =>
  OPERATIONS.filter((operation) => (operation.layout ?? layout) === layout).map((operation) => inLayout(operation, layout)),
);

function inLayout(operation: Operation, layout: Layout): Operation {
  const isNamed = operation.layout === undefined && layout === 'compact';
  return { ...operation, layout, name: isNamed ? `${operation.name}, compact` : operation.name };
}

/**
 * The operations of this run. Each has one layout, every other one the compact one. After `runs`
 * runs, which cover all points, it has the other layout.
 */
export function operationsOfRun(runs: number): Operation[] {
  const round = ROTATION === 'all' ? 0 : Math.floor(ROTATION / runs);
  return OPERATIONS.flatMap((operation, index) => {
    if (operation.layout !== undefined) return [inLayout(operation, operation.layout)];
    if (ROTATION === 'all') return [inLayout(operation, 'classic'), inLayout(operation, 'compact')];
    return [inLayout(operation, (index + round) % 2 === 0 ? 'classic' : 'compact')];
  });
}
