import type { Config } from '../../config/config.ts';
import type { JobImage, RunRow } from '../../core/run/executor.ts';
import { BackyError } from '../../errors.ts';
import type { Job } from '../../model/job.ts';
import type { Action, Command } from '../command.ts';
import { flag } from '../options/option-values.ts';
import { toTable } from '../output/select-fields.ts';
import { hookConfigFile } from '../running/config-file.ts';
import { findJob } from '../running/find-jobs.ts';
import { RUN_COLUMNS } from '../running/run-table.ts';

export const jobCommand: Command = {
  name: 'job',
  description: 'Make the backups of a job that are due, with its hooks.',
  changesVersions: true,
  args: [
    ['<job>', 'key of a section [job:KEY] of the config file'],
    ['[image]', 'with a pattern as source: only this image [all]'],
  ],
  options: [
    ['-f, --force', 'also when nothing is due'],
    ['--recover', 'only run "after" for a backup whose process died'],
  ],
  examples: [
    ['backy2 job web', 'Backs up the source of [job:web] if that is due; run starts one of these for each.'],
    ['backy2 job -f web', 'Backs it up now, with the tags of all schedulers of the job.'],
  ],
  checkUsage({ options }) {
    if (flag(options.force) && flag(options.recover)) throw new BackyError('usage', '-f cannot be combined with --recover.');
  },
  async prepare({ args: [key = '', image], options }, config) {
    const job = findJob(config, key);
    const { imageOfJob } = await import('../../core/run/job-images.ts');
    const images = image === undefined ? undefined : [imageOfJob(job, image)];
    return jobAction({ job, images, force: flag(options.force), recoverOnly: flag(options.recover) }, config);
  },
};

interface JobCall {
  job: Job;
  /** Undefined: all. */
  images: JobImage[] | undefined;
  force: boolean;
  recoverOnly: boolean;
}

function jobAction({ images, ...call }: JobCall, config: Config): Action {
  const configFile = hookConfigFile(config);
  return async ({ backy, watch, fail }) => {
    const rows: RunRow[] = [];
    for (const image of images ?? (await backy.imagesOfJob(call.job))) {
      const row = await backy.runJob({ ...call, image, configFile, onBackup: (source) => watch('backup', source) });
      rows.push(row);
      if (row.exitCode !== 0) fail(`${row.name}: ${row.problem}`);
    }
    return { table: toTable(rows, RUN_COLUMNS), message: summary(rows), exitCode: exitCodeOf(rows) };
  };
}

function summary(rows: readonly RunRow[]): string {
  const counts = (['done', 'failed', 'busy', 'not due'] as const).map((state) => {
    const count = rows.filter((row) => row.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  return `Backups: ${counts.flat().join(', ') || 'none'}.`;
}
