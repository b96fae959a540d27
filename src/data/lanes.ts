/**
 * Calls `work` for each item, at most `atOnce` at a time. After a failure no further item begins;
 * those under way are waited for.
 * @throws the first failure.
 */
export async function inLanes<T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  const left = items[Symbol.iterator]();
  const runLane = async () => {
    for (let next = left.next(); next.done !== true && failures.length === 0; next = left.next()) {
      await work(next.value).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runLane));
  if (failures.length > 0) throw failures[0];
}
