import { hostname } from 'node:os';
import { BackyError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { isStdout } from '../options/is-stdout.ts';
import { flag, text } from '../options/option-values.ts';

export const reportCommand: Command = {
  name: 'report',
  description: 'Write a page about all backups.',
  args: [],
  options: [
    ['--html <file>', 'file to write, as one page of HTML (- is stdout)'],
    ['--quick', 'leave out what reads all blocks of the database'],
  ],
  examples: [
    ['backy2 report --html /var/www/backups.html', 'One file, which needs no network. It appears when it is complete.'],
    ['backy2 -q report --quick --html - > backups.html', 'Without the freed space and a new coverage.'],
  ],
  streamsBytes: ({ options }) => isStdout(text(options.html) ?? ''),
  checkUsage({ options: { html } }) {
    if ((text(html) ?? '') === '')
      throw new BackyError('usage', 'report needs --html FILE.', { hint: 'Name a file, or - for stdout.' });
  },
  prepare({ options }) {
    const [fileName = '', quick] = [text(options.html), flag(options.quick)];
    return async ({ backy }) => {
      const data = await backy.report({ quick });
      const { reportPage } = await import('../report/page.ts');
      const page = reportPage(data, hostname());
      if (isStdout(fileName)) return { text: once(page) };
      await backy.writeText({ fileName, verb: 'write the report to', text: once(page) });
      const { status, versions } = data;
      const bytes = Buffer.byteLength(page);
      return {
        result: { fileName, bytes, state: status.state, names: status.names.length, versions: versions.length },
        message: `Wrote the report to ${fileName}: ${bytes} bytes.`,
      };
    };
  },
};

async function* once(page: string): AsyncIterable<string> {
  yield page;
}
