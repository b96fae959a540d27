import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { readTable, rowName } from './table.ts';

/**
 * Starts long files first, so that no core waits for the last of them. Files of a project follow
 * each other: Vitest keeps a test process only if the next file is of the same project.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const table = readTable();
    const secondsOf = ({ project, moduleId }: TestSpecification) =>
      // A new file may be a long one.
      table[rowName(project.name, relative(project.vitest.config.root, moduleId))]?.cpuSeconds ?? Number.POSITIVE_INFINITY;
    const keyed = files.map((file) => ({ file, project: file.project.name, seconds: secondsOf(file) }));
    const longest = new Map<string, number>();
    for (const { project, seconds } of keyed) longest.set(project, Math.max(longest.get(project) ?? 0, seconds));
    const longestOf = (project: string) => longest.get(project) ?? 0;
    keyed.sort(
      (a, b) => longestOf(b.project) - longestOf(a.project) || a.project.localeCompare(b.project) || b.seconds - a.seconds || 0,
    );
    return keyed.map(({ file }) => file);
  }
}
