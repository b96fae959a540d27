import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { METRICS } from '../../../../src/core/monitor/metric-list.ts';
import { metricsText, metricsToFile } from '../../../../src/core/monitor/metrics.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';

const REQUEST = { measure: false, programVersion: '1.2.3' };
const HOSTILE = 'a"b\\c\nd}e{,=\u{1f600} # TYPE';
const ESCAPED = 'a\\"b\\\\c\\nd}e{,=\u{1f600} # TYPE';

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
});
afterEach(() => lab.dispose());

/** Adds a version without blocks: only its row counts here. */
async function add(name: string, uid: string): Promise<void> {
  await lab.meta.createVersion({ uid, name, snapshotName: '', size: 0, sizeBytes: 4096, expire: null, tags: [] });
  await lab.meta.finishBackup(await lab.version(uid), undefined);
}

it('has a line for each name, whatever its characters are', async () => {
  await add(HOSTILE, 'v1');
  await add('web', 'v2');
  const { text, samples } = await metricsText(lab.context, REQUEST);
  const lines = text.split('\n');
  expect(lines).toContain('backy2_version_info{version="1.2.3"} 1');
  expect(lines).toContain(`backy2_newest_valid_size_bytes{name="${ESCAPED}"} 4096`);
  expect(lines).toContain(`backy2_newest_valid_timestamp_seconds{name="web"} ${lab.now.getTime() / 1000}`);
  expect(lines).toContain('backy2_status 0');
  expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toHaveLength(samples);
  expect(text.endsWith('\n')).toBe(true);
});

it('has space and verification once they were measured, or at once on demand', async () => {
  await add('web', 'v1');
  expect((await metricsText(lab.context, REQUEST)).text).not.toContain('space_bytes');
  const { text } = await metricsText(lab.context, { ...REQUEST, measure: true });
  for (const line of ['space_bytes{kind="virtual"} 4096', 'verified_blobs_ratio{days="90"} 1', 'blobs 0'])
    expect(text.split('\n')).toContain(`backy2_${line}`);
  // Measuring for metrics records nothing.
  expect(await lab.meta.spaceHistory()).toEqual([]);
});

it('tells failures of jobs, steps and runs', async () => {
  const record = {
    job: '',
    host: 'h',
    started: lab.now,
    ended: lab.now,
    succeeded: null,
    failures: 0,
    exitCode: 0,
    problem: null,
  };
  const more = { reported: null, hook: null };
  await lab.meta.putRunRecord({ ...record, ...more, kind: 'job', name: 'vm', job: 'lab', failures: 3, exitCode: 6 });
  await lab.meta.putRunRecord({ ...record, ...more, kind: 'step', name: 'scrub', succeeded: lab.now });
  await lab.meta.putRunRecord({ ...record, ...more, kind: 'run', name: 'run', host: 'host1', exitCode: 20 });
  const lines = (await metricsText(lab.context, REQUEST)).text.split('\n');
  expect(lines).toContain('backy2_job_failures{job_name="lab",name="vm"} 3');
  expect(lines).toContain('backy2_job_last_exit_code{job_name="lab",name="vm"} 6');
  expect(lines).toContain('backy2_step_failures{step="scrub"} 0');
  expect(lines).toContain('backy2_run_last_exit_code{host="host1"} 20');
  expect(lines.some((line) => line.startsWith('backy2_run_last_success'))).toBe(false);
});

it('has names that Prometheus accepts, and no label that it sets itself', () => {
  for (const { name, help, labels } of METRICS) {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(help).toMatch(/^[A-Z].*\.$/);
    expect(labels).not.toContain('job');
    expect(labels).not.toContain('instance');
  }
  expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
});

it('writes a file that everybody may read and is whole at any time', async () => {
  const folder = join(lab.folder, 'collector');
  mkdirSync(folder);
  const fileName = join(folder, 'backy2.prom');
  await add('web', 'v1');
  const { text } = await metricsToFile(lab.context, { ...REQUEST, fileName });
  expect(readFileSync(fileName, 'utf8')).toBe(text);
  expect(statSync(fileName).mode & 0o777).toBe(0o644);
  const before = statSync(fileName).ino;
  await metricsToFile(lab.context, { ...REQUEST, fileName });
  // Another file took its place.
  expect(statSync(fileName).ino).not.toBe(before);
  expect(readdirSync(folder)).toEqual(['backy2.prom']);
});
