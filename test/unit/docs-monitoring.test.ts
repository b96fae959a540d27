import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { METRICS } from '../../src/core/monitor/metric-list.ts';

const read = (file: string) => readFileSync(fileURLToPath(new URL(`../../docs/${file}`, import.meta.url)), 'utf8');
const NAMES = METRICS.map(({ name }) => `backy2_${name}`);

test('docs/monitoring.md lists all metrics with their labels, in the order of the text', () => {
  const rows = [...read('monitoring.md').matchAll(/^\| `([a-z_]+)` \|([^|]*)\| .* \|$/gm)];
  const listed = rows.map(([, name, labels = '']) => `${name}: ${labels.trim()}`);
  expect(listed).toEqual(METRICS.map(({ name, labels }) => `${name}: ${labels.join(', ')}`));
});

test.each(['monitoring/backy2.rules.yml', 'monitoring/grafana.json'])('%s asks for metrics that there are', (file) => {
  const asked = [...read(file).matchAll(/\bbacky2_[a-z0-9_]+/g)].map(([name]) => name);
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter((name) => !NAMES.includes(name))).toEqual([]);
});

test('docs/monitoring.md lists all alerts', () => {
  const page = read('monitoring.md');
  const alerts = [...read('monitoring/backy2.rules.yml').matchAll(/alert: (\w+)/g)].map(([, name = '']) => name);
  expect(alerts.length).toBeGreaterThan(10);
  expect(alerts.filter((name) => !page.includes(name))).toEqual([]);
});
