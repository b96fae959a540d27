/** A small, wrong change of the code that some test must notice. */
export interface Mutant {
  /** In kebab-case: what the changed code does. */
  name: string;
  /** What the changed line stands for, in one sentence. */
  invariant: string;
  /** Below the repository. */
  file: string;
  /** Stands in `file` exactly once. */
  text: string;
  replacement: string;
  /** Test files that must notice: a path, or the name of the one file that is called so. */
  tests: readonly string[];
  /** The tests run what is built into dist/. */
  builds?: boolean;
}
