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

/**
 * Calls `work` for each item, and yields the results in the order of the items. At most `atOnce`
 * are under way, or wait for their turn. A failure is thrown when it is its turn; those under way
 * go on then, unheard.
 */
export async function* inOrder<T, R>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, undefined> {
  const ahead: Promise<R>[] = [];
  for (const item of items) {
    const result = work(item);
    result.catch(() => {});
    ahead.push(result);
    if (ahead.length === atOnce) yield await (ahead.shift() as Promise<R>);
  }
  for (const result of ahead) yield await result;
}
