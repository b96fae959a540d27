import type { BackupStats } from '../../model/reports.ts';
import type { Context } from '../context.ts';
import { writeOutput } from '../files/write-output.ts';
import { measureSpace } from './measure-space.ts';
import { METRICS, type MetricsFacts } from './metric-list.ts';
import { type StatusReport, statusOf } from './status.ts';

/** Which metrics to write. */
export interface MetricsRequest {
  /** Measure the space now, rather than take the last measurement of `run`. */
  measure: boolean;
  /** Of the program. */
  programVersion: string;
}

/** Metrics in the text format of Prometheus, version 0.0.4. */
export interface MetricsText {
  text: string;
  samples: number;
}

/** Writes all metrics (docs/monitoring.md) as text. Takes no lock, unless space is measured. */
export async function metricsText(context: Context, { measure, programVersion }: MetricsRequest): Promise<MetricsText> {
  const status = await statusOf(context);
  const space = measure ? await measureSpace(context) : status.space.at(-1);
  return renderMetrics({ status, space, programVersion, lastBackups: await lastBackups(context, status) });
}

/** Other users read it: that of node_exporter. */
const READABLE_BY_ALL = 0o644;

/**
 * Writes them to a file, as a textfile collector needs it: the old text or the new one, under a
 * temporary name without `.prom` meanwhile.
 */
export async function metricsToFile(context: Context, request: MetricsRequest & { fileName: string }): Promise<MetricsText> {
  const written = await metricsText(context, request);
  const { fileName } = request;
  await writeOutput(context, { fileName, verb: 'write metrics to', text: once(written.text), mode: READABLE_BY_ALL });
  return written;
}

async function* once(text: string): AsyncIterable<string> {
  yield text;
}

async function lastBackups({ meta, signal }: Context, { names }: StatusReport): Promise<Map<string, BackupStats>> {
  const found = new Map<string, BackupStats>();
  for (const { name, newest } of names) {
    signal.throwIfAborted();
    const [last] = newest === undefined ? [] : await meta.listStats({ versionUid: newest.uid, limit: 1 });
    if (last !== undefined) found.set(name, last);
  }
  return found;
}

/** Metrics without samples are left out. */
export async function renderMetrics(facts: MetricsFacts): Promise<MetricsText> {
  const { Gauge, Registry } = await import('./prometheus.ts');
  const registry = new Registry();
  let samples = 0;
  for (const { name, help, labels, read } of METRICS) {
    const values = read(facts);
    if (values.length === 0) continue;
    samples += values.length;
    const gauge = new Gauge({ name: `backy2_${name}`, help, labelNames: labels, registers: [registry] });
    for (const [value, ...texts] of values)
      gauge.set(Object.fromEntries(labels.map((label, i) => [label, texts[i] ?? ''])), value);
  }
  return { text: await registry.metrics(), samples };
}
