import type { BackupStats } from '../../model/reports.ts';
import type { RunRecord, SpaceRecord, Verification } from '../../model/run-record.ts';
import type { NameStatus } from './name-status.ts';
import { PLUGIN_CODES } from './state.ts';
import type { StatusReport } from './status.ts';

/** All that metrics are made of. */
export interface MetricsFacts {
  status: StatusReport;
  /** Statistics of the newest valid version of each name that has any. */
  lastBackups: ReadonlyMap<string, BackupStats>;
  /** Undefined: it was never measured. */
  space: SpaceRecord | undefined;
  programVersion: string;
}

/** A value, and the values of the labels in their order. */
type Sample = readonly [value: number, ...labels: string[]];

/** A metric; all of them are gauges. */
interface Metric {
  /** Without the prefix `backy2_`. With its unit, as Prometheus wants it. */
  name: string;
  help: string;
  /** Not `job` or `instance`: Prometheus sets these itself. */
  labels: readonly string[];
  read(facts: MetricsFacts): Sample[];
}

/** The labels of metrics about records. */
const RECORD_LABELS = { run: ['host'], job: ['job_name', 'name'], step: ['step'] } as const;

/** All metrics, in the order of the text and of docs/monitoring.md. */
export const METRICS: readonly Metric[] = [
  {
    name: 'version_info',
    help: 'Always 1. The label is the version of the program.',
    labels: ['version'],
    read: ({ programVersion }) => [[1, programVersion]],
  },
  {
    name: 'metrics_timestamp_seconds',
    help: 'When these metrics were read from the database.',
    labels: [],
    read: ({ status }) => [[seconds(status.at)]],
  },
  {
    name: 'status',
    help: 'State of all names and of the installation: 0 ok, 1 warning, 2 critical, 3 unknown.',
    labels: [],
    read: ({ status }) => [[PLUGIN_CODES[status.state]]],
  },
  {
    name: 'installation_problems',
    help: 'Problems of the installation rather than of one name, by state.',
    labels: ['state'],
    read: ({ status: { problems } }) =>
      (['warning', 'critical', 'unknown'] as const).map((state) => [problems.filter((one) => one.state === state).length, state]),
  },
  ofName('name_status', 'State of a name: 0 ok, 1 warning, 2 critical, 3 unknown.', ({ state }) => PLUGIN_CODES[state]),
  ofName('newest_valid_timestamp_seconds', 'Date of the newest valid version.', ({ newest }) => seconds(newest?.date)),
  ofName('newest_valid_size_bytes', 'Size of the image in the newest valid version.', ({ newest }) => newest?.sizeBytes),
  ofName('versions', 'Versions of a name, the invalid ones included.', ({ versions }) => versions),
  ofName('invalid_versions', 'Versions that are running, unfinished or damaged.', ({ invalid }) => invalid),
  ofName('damaged_versions', 'Versions that were complete and are not valid any more.', ({ damaged }) => damaged.length),
  ofName('bad_blocks', 'Known bad blocks of the newest damaged version.', ({ badBlocks }) => badBlocks),
  ofName('next_due_timestamp_seconds', 'When the next backup is due.', ({ nextDue }) => seconds(nextDue)),
  ofName('deadline_timestamp_seconds', 'From then on the newest backup is too old for a scheduler.', ({ deadline }) =>
    seconds(deadline),
  ),
  ofBackup('last_backup_duration_seconds', 'Duration of the backup of the newest valid version.', 'durationSeconds'),
  ofBackup('last_backup_read_bytes', 'Bytes that this backup read from its source.', 'bytesRead'),
  ofBackup('last_backup_written_bytes', 'Bytes of new blobs of this backup, before compression.', 'bytesWritten'),
  {
    name: 'sla_breaches',
    help: 'SLA breaches of a name, by scheduler and kind.',
    labels: ['name', 'scheduler', 'kind'],
    read: ({ status }) => status.names.flatMap(breachSamples),
  },
  ofVerification('blobs', 'Blobs that versions name, at the last measurement.', ({ blobs }) => blobs),
  ofVerification('bad_blobs', 'Blobs that their last verification found bad.', ({ bad }) => bad),
  ofVerification('never_verified_blobs', 'Blobs that were never verified.', ({ never }) => never),
  {
    name: 'verified_blobs_ratio',
    help: 'Fraction of the blobs that were verified in a number of days.',
    labels: ['days'],
    read: ({ space }) => {
      const { verified = [], blobs = 0 } = space?.verification ?? {};
      return verified.map((period) => [blobs === 0 ? 1 : period.blobs / blobs, `${period.days}`]);
    },
  },
  {
    name: 'space_bytes',
    help: 'Space of all versions at the last measurement, by kind.',
    labels: ['kind'],
    read: ({ space }) => {
      if (space === undefined) return [];
      const { virtual, real, stored, kinds } = space;
      const all = Object.entries({ virtual, real, ...(stored === null ? {} : { stored }), ...kinds });
      return all.map(([kind, bytes]) => [bytes, kind]);
    },
  },
  {
    name: 'space_timestamp_seconds',
    help: 'When space and verification were last measured.',
    labels: [],
    read: ({ space }) => (space === undefined ? [] : [[seconds(space.date)]]),
  },
  ofRecord('run', 'run_last_timestamp_seconds', 'When the last run began.', ({ started }) => seconds(started)),
  ofRecord('run', 'run_last_success_timestamp_seconds', 'When the last run ended that went well.', ({ succeeded }) =>
    seconds(succeeded),
  ),
  ofRecord('run', 'run_last_exit_code', 'Exit code of the last run.', ({ exitCode }) => exitCode),
  ofRecord('job', 'job_failures', 'Failures of a job since its last success.', ({ failures }) => failures),
  ofRecord('job', 'job_last_exit_code', 'Exit code of the last attempt.', ({ exitCode }) => exitCode),
  ofRecord('job', 'job_last_timestamp_seconds', 'When the last attempt began.', ({ started }) => seconds(started)),
  ofRecord('step', 'step_failures', 'Failures of a step of the upkeep since its last success.', ({ failures }) => failures),
  ofRecord('step', 'step_last_exit_code', 'Exit code of the last attempt at a step.', ({ exitCode }) => exitCode),
  ofRecord('step', 'step_last_timestamp_seconds', 'When the last attempt at a step began.', ({ started }) => seconds(started)),
];

function ofName(name: string, help: string, take: (one: NameStatus) => number | undefined): Metric {
  const read = ({ status }: MetricsFacts) => status.names.flatMap((one) => sample(take(one), one.name));
  return { name, help, labels: ['name'], read };
}

function ofBackup(name: string, help: string, key: 'durationSeconds' | 'bytesRead' | 'bytesWritten'): Metric {
  const read = ({ lastBackups }: MetricsFacts) => [...lastBackups].flatMap(([own, { counters }]) => sample(counters[key], own));
  return { name, help, labels: ['name'], read };
}

function ofVerification(name: string, help: string, take: (one: Verification) => number): Metric {
  const read = ({ space }: MetricsFacts) => (space?.verification === undefined ? [] : sample(take(space.verification)));
  return { name, help, labels: [], read };
}

const LABELS_OF = {
  run: ({ host }: RunRecord) => [host],
  job: ({ job, name }: RunRecord) => [job, name],
  step: ({ name }: RunRecord) => [name],
};

function ofRecord(kind: RunRecord['kind'], name: string, help: string, take: (one: RunRecord) => number | undefined): Metric {
  const read = ({ status }: MetricsFacts) =>
    status.records.filter((record) => record.kind === kind).flatMap((record) => sample(take(record), ...LABELS_OF[kind](record)));
  return { name, help, labels: RECORD_LABELS[kind], read };
}

/** A scheduler without breaches gets no sample, so that alerts need no list of the kinds. */
function breachSamples({ name, breaches }: NameStatus): Sample[] {
  const counts = new Map<string, [scheduler: string, kind: string, count: number]>();
  for (const { scheduler, kind } of breaches) {
    // Kinds have no space.
    const key = `${kind} ${scheduler}`;
    counts.set(key, [scheduler, kind, (counts.get(key)?.[2] ?? 0) + 1]);
  }
  return [...counts.values()].map(([scheduler, kind, count]) => [count, name, scheduler, kind]);
}

function sample(value: number | undefined, ...labels: string[]): Sample[] {
  return value === undefined ? [] : [[value, ...labels]];
}

function seconds(date: Date): number;
function seconds(date: Date | null | undefined): number | undefined;
function seconds(date: Date | null | undefined): number | undefined {
  const time = date?.getTime() ?? Number.NaN;
  return Number.isNaN(time) ? undefined : time / 1000;
}
