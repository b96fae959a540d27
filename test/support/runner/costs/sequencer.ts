import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { readTable, rowName } from './table.ts';

/**
 * Starts long files first, so that no core waits for the last of them; then files that share a
 * process.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const table = readTable();
    const secondsOf = ({ project, moduleId }: TestSpecification) =>
      // A new file may be a long one.
      table[rowName(project.name, relative(project.vitest.config.root, moduleId))]?.cpuSeconds ?? Number.POSITIVE_INFINITY;
    const keyed = files.map((file) => ({ file, isLast: !file.project.config.isolate, seconds: secondsOf(file) }));
    keyed.sort((a, b) => Number(a.isLast) - Number(b.isLast) || b.seconds - a.seconds || 0);
    return keyed.map(({ file }) => file);
  }
}
