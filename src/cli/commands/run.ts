import type { PlannedBackup } from '../../core/run/planner.ts';
import { BackyError } from '../../errors.ts';
import type { Action, Command } from '../command.ts';
import { flag } from '../options/option-values.ts';
import { toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const PLAN: Column<PlannedBackup>[] = [
  { name: 'name', kind: 'text', align: 'left', value: ({ name }) => name },
  { name: 'job', kind: 'text', align: 'left', value: ({ job }) => job },
  { name: 'schedulers', kind: 'list', align: 'left', value: ({ schedulers }) => schedulers },
  { name: 'state', kind: 'text', align: 'left', value: ({ state }) => state },
  { name: 'since', kind: 'date', align: 'center', value: ({ since }) => since },
  { name: 'until', kind: 'date', align: 'center', value: ({ until }) => until },
  { name: 'reason', kind: 'text', align: 'left', value: ({ reason }) => reason },
];

export const runCommand: Command = {
  name: 'run',
  description: 'Make all backups that are due, and do the upkeep.',
  // It opens the database itself: a failure of that is a problem to report.
  needsDatabase: false,
  args: [['[jobs...]', 'only these jobs, and no upkeep: keys of sections [job:KEY] [all]']],
  options: [
    ['-n, --dry-run', 'do nothing: print what is due, when the rest is, and why'],
    ['--no-upkeep', 'only make backups'],
  ],
  examples: [
    ['backy2 run', 'For a timer or cron, every few minutes.'],
    ['backy2 run -n', 'Shows when each name is backed up next, and why.'],
  ],
  async prepare({ args, options }, config) {
    const jobs = args.length === 0 ? undefined : args;
    const { chooseJobs } = await import('../../core/run/job-schedulers.ts');
    if (chooseJobs(jobs, config).length + config.brokenJobs.length === 0)
      throw new BackyError('config', 'The configuration has no job.', {
        hint: 'Add one to backy.cfg, such as a section [job:web] with source: rbd://vms/web and schedulers: daily.',
      });
    if (flag(options.dryRun)) return planAction(jobs);
    const { runAction } = await import('../running/run-jobs.ts');
    return runAction({ jobs, upkeep: jobs === undefined && options.upkeep !== false }, config);
  },
};

function planAction(jobs: readonly string[] | undefined): Action {
  return async ({ backy }) => {
    await backy.open({ anyLayout: false, asItIs: false });
    return { table: toTable(await backy.planRun(jobs), PLAN) };
  };
}
