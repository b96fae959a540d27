import type { Context } from '../context.ts';

/** Runs `body` with a source or target that is open for all threads, or a connection to a cluster, and closes it; unless threads hang in it, which closing would join. */
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
