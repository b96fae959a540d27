/** Functions of a store, each with the database as its first parameter. */
type Queries<D> = Record<string, (db: D, ...rest: never[]) => unknown>;

/** The same functions, bound to a database. */
type Bound<Q> = {
  [K in keyof Q]: Q[K] extends (db: never, ...rest: infer A) => infer R ? (...rest: A) => Promise<Awaited<R>> : never;
};

/**
 * Makes a part of a store of functions: each loses its first parameter. This is the boundary for
 * errors too: a failure of the driver, e.g. a damaged page or a full disk, can show in any
 * statement, and leaves the store as a BackyError.
 */
export function bind<D extends { translate(error: unknown): unknown }, Q extends Queries<D>>(db: D, queries: Q): Bound<Q> {
  const bound = Object.entries(queries).map(([name, query]) => [
    name,
    async (...rest: never[]) => {
      try {
        return await query(db, ...rest);
      } catch (error) {
        throw db.translate(error);
      }
    },
  ]);
  return Object.fromEntries(bound) as Bound<Q>;
}
