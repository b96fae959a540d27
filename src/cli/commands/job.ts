import type { Config } from '../../config/config.ts';
import type { JobImage, RunRow } from '../../core/run/executor.ts';
import { exitCodeOf } from '../../core/run/exit-code.ts';
import type { JobRequest } from '../../core/run/run-job.ts';
import { BackyError } from '../../errors.ts';
import type { Action, Command } from '../command.ts';
import { flag } from '../options/option-values.ts';
import { toTable } from '../output/select-fields.ts';
import { configFileForHooks } from '../running/config-file.ts';
import { RUN_COLUMNS, summaryOf } from '../running/run-table.ts';

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
    ['backy2 job web', 'Backs up the source of [job:web] if that is due. run starts such jobs.'],
    ['backy2 job -f web', 'Backs it up now, with the tags of all schedulers of the job.'],
  ],
  checkUsage({ options }) {
    if (flag(options.force) && flag(options.recover)) throw new BackyError('usage', '-f cannot be combined with --recover.');
  },
  async prepare({ args: [key = '', image], options }, config) {
    const [{ chooseJobs }, { imageOfJob }] = await Promise.all([
      import('../../core/run/job-schedulers.ts'),
      import('../../core/run/job-images.ts'),
    ]);
    const [job] = chooseJobs([key], config);
    if (job === undefined) throw new Error('chooseJobs finds each job, or throws');
    const images = image === undefined ? undefined : [imageOfJob(job, image)];
    const mode = flag(options.recover) ? 'recover' : flag(options.force) ? 'force' : 'due';
    return jobAction({ job, images, mode }, config);
  },
};

interface JobCall extends Pick<JobRequest, 'job' | 'mode'> {
  /** Undefined: all. */
  images: JobImage[] | undefined;
}

function jobAction({ images, ...call }: JobCall, config: Config): Action {
  const configFile = configFileForHooks(config);
  return async ({ backy, watch, fail }) => {
    const rows: RunRow[] = [];
    for (const image of images ?? (await backy.imagesOfJob(call.job))) {
      const row = await backy.runJob({ ...call, image, configFile, onBackup: (source) => watch('backup', source) });
      rows.push(row);
      if (row.exitCode !== 0) fail(`${row.name}: ${row.problem}`);
    }
    return { table: toTable(rows, RUN_COLUMNS), message: summaryOf(rows), exitCode: exitCodeOf(rows) };
  };
}
