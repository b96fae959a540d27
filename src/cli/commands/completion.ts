import { BackyError } from '../../errors.ts';
import type { TextCommand } from '../command.ts';
import { SCRIPTS, SHELLS } from '../words/completion/shells.ts';
import { readPackageFile } from '../words/package-file.ts';
import { suggest } from '../words/suggest.ts';

export const completionCommand: TextCommand = {
  name: 'completion',
  description: 'Print a script that completes words in a shell.',
  args: [['<shell>', SHELLS.join(', ').replace(/, (\w+)$/, ' or $1')]],
  options: [],
  examples: [
    ['source <(backy2 completion bash)', 'For this bash, or in ~/.bashrc for each; zsh alike, after compinit.'],
    ['backy2 completion fish > ~/.config/fish/completions/backy2.fish', 'For each fish of this user.'],
  ],
  text([shell = '']) {
    const known = SHELLS.find((name) => name === shell);
    if (known !== undefined) return readPackageFile(SCRIPTS[known]);
    const meant = suggest(shell, SHELLS);
    throw new BackyError('usage', `completion: there is none for "${shell}".`, {
      hint: meant === undefined ? `Known: ${SHELLS.join(', ')}.` : `Did you mean ${meant}?`,
    });
  },
};
