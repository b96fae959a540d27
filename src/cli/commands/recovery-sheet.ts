import type { Command } from '../command.ts';
import { flag } from '../options/option-values.ts';

export const recoverySheetCommand: Command = {
  name: 'recovery-sheet',
  description: 'Print what one needs to come back from the store.',
  args: [],
  options: [
    ['--html', 'print a page of HTML, for paper'],
    ['--with-key', 'print the master key too'],
  ],
  examples: [
    ['backy2 recovery-sheet > sheet.txt', 'Keep it away from the backup host.'],
    ['backy2 recovery-sheet --html --with-key > sheet.html', 'With the key; print it, lock it away, and delete the file.'],
  ],
  needsDatabase: false,
  logsToStderr: true,
  prepare({ options }, config) {
    const withKey = flag(options.withKey);
    return async ({ backy }) => {
      const [{ sheetOf }, { sheetHtml, sheetText }] = await Promise.all([
        import('../recovery/sheet.ts'),
        import('../recovery/render-sheet.ts'),
      ]);
      const parts = sheetOf({ config, facts: await backy.recoveryFacts(), withKey });
      const sheet = flag(options.html) ? sheetHtml(parts) : sheetText(parts);
      return { result: { sheet }, text: once(sheet) };
    };
  },
};

async function* once(text: string): AsyncIterable<string> {
  yield text;
}
