import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { skip, note } = lacking(await needTool('promtool', '--version'));

describe.skipIf(skip)(`promtool accepts${note}`, () => {
  test('the metrics, with names of any characters', async () => {
    const lab = await Lab.create({ config: { daily: { interval: '1d', keep: 2, sla: '6h' } } });
    onTestFinished(() => lab.remove());
    const source = `file://${lab.write('image', noise(9000, 'image'))}`;
    const names = ['web', 'a"b\\c', 'two\nlines', '{}=,#', 'ä\u{1f600}'];
    for (const name of names) await lab.backup('-t', 'daily', source, name);
    const file = lab.path('backy2.prom');
    await lab.ok('metrics', '--space', '-o', file);
    // It reports a metric that is badly named, or has no help, with exit code 3.
    expect(await tool('sh', '-c', `promtool check metrics < '${file}' 2>&1`)).toBe('');
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines.filter((line) => line.startsWith('backy2_newest_valid_size_bytes{'))).toHaveLength(names.length);
    expect(lines.filter((line) => line.startsWith('backy2_sla_breaches{'))).toHaveLength(names.length);
  });

  test('the alert rules, which fire when they should', async () => {
    expect(await tool('promtool', 'check', 'rules', `${ROOT}docs/monitoring/backy2.rules.yml`)).toContain('SUCCESS');
    expect(await tool('promtool', 'test', 'rules', `${ROOT}test/support/monitoring/alerts.yml`)).toContain('SUCCESS');
  });

  test('the queries of the Grafana board', async () => {
    const lab = await Lab.create();
    onTestFinished(() => lab.remove());
    const board = JSON.parse(readFileSync(`${ROOT}docs/monitoring/grafana.json`, 'utf8')) as {
      panels: { targets: { expr: string }[] }[];
    };
    const queries = board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr.replaceAll('$instance', '.*')));
    expect(queries.length).toBeGreaterThan(10);
    // JSON is YAML.
    const rules = queries.map((expr, i) => ({ record: `query:${i}`, expr, labels: { number: `${i}` } }));
    const file = lab.path('queries.yml');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'board', rules }] }));
    expect(await tool('promtool', 'check', 'rules', file)).toContain('SUCCESS');
  });
});
