import type { Command, Invocation } from '../command.ts';
import { filledText, flag } from '../options/option-values.ts';
import { programVersion } from '../words/version.ts';

export const metricsCommand: Command = {
  name: 'metrics',
  description: 'Write metrics for Prometheus.',
  args: [],
  options: [
    ['-o, --output <file>', 'write to FILE, which is complete at any time [stdout]'],
    ['--space', 'measure space and verification now, which reads all blocks'],
  ],
  examples: [['backy2 metrics -o /var/lib/prometheus/node-exporter/backy2.prom', 'Every 5 minutes, for the textfile collector.']],
  asItIs: () => true,
  isQuiet: ({ options }) => fileOf(options) === undefined,
  prepare({ options }) {
    const file = fileOf(options);
    const request = { measure: flag(options.space), programVersion: programVersion() };
    return async ({ backy }) => {
      if (file === undefined) {
        const { text, samples } = await backy.metrics(request);
        return { result: { file: null, samples, metrics: text }, text: once(text) };
      }
      const { samples } = await backy.metricsToFile({ ...request, fileName: file });
      return { result: { file, samples, metrics: null }, message: `Wrote ${samples} samples to ${file}.` };
    };
  },
};

function fileOf({ output }: Invocation['options']): string | undefined {
  const file = filledText(output);
  return file === '-' ? undefined : file;
}

async function* once(text: string): AsyncIterable<string> {
  yield text;
}
