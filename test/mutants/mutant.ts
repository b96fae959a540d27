/** A small, wrong change of the code that some test must notice. */
export interface Mutant {
  /** In kebab-case: the task of the changed code. */
  name: string;
  /** The rule that the changed line keeps, in one sentence. */
  invariant: string;
  /** Path in the repository. */
  file: string;
  /** Stands in `file` exactly once. */
  text: string;
  replacement: string;
  /** Test files that must notice it: a path, or a name that only one file has. */
  tests: readonly string[];
  /** The tests run the build in dist/. */
  builds?: boolean;
}
