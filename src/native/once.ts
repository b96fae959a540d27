/**
 * Makes a value on first use and keeps it for this thread. For shared libraries: loading one takes
 * some ms, and loading it again gives the same.
 */
export function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
