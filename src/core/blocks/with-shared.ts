import type { Context } from '../context.ts';

/**
 * Runs `body` with a source or target that is open for all threads, or with a connection to a
 * cluster, and closes it. It stays open if threads hang in it: closing would hang as well.
 */
export async function withShared<T>(
  context: Context,
  shared: { close(): Promise<void> } | undefined,
  body: (context: Context) => Promise<T>,
): Promise<T> {
  let isStuck = false;
  const onStuckThreads = () => {
    isStuck = true;
    context.onStuckThreads();
  };
  try {
    return await body({ ...context, onStuckThreads });
  } finally {
    if (!isStuck) await shared?.close();
  }
}
