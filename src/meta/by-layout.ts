import type { Layout } from '../model/layout.ts';
import type { Lifecycle, MetaStore } from './meta-store.ts';

/** The methods of a store that each layout has its own of. */
export type LayoutQueries = Omit<MetaStore, Lifecycle>;

/** Methods that choose those of the layout at each call: it is known once the database is open. */
export function byLayout(queries: Record<Layout, LayoutQueries>, layout: () => Layout): LayoutQueries {
  const methods = Object.keys(queries.classic).map((name) => {
    const method = name as keyof LayoutQueries;
    return [method, (...rest: never[]) => (queries[layout()][method] as (...rest: never[]) => unknown)(...rest)];
  });
  return Object.fromEntries(methods) as LayoutQueries;
}
