import { BackyError } from '../../errors.ts';
import type { TextCommand } from '../command.ts';
import { SCRIPTS, SHELLS } from '../words/completion/shells.ts';
import { readPackageFile } from '../words/package-file.ts';
import { suggest } from '../words/suggest.ts';

export const completionCommand: TextCommand = {
  name: 'completion',
  description: 'Print a shell completion script.',
  args: [['<shell>', SHELLS.join(', ').replace(/, (\w+)$/, ' or $1'), SHELLS]],
  options: [],
  examples: [
    ['source <(backy2 completion bash)', 'For this bash; put it in ~/.bashrc for all. In zsh: after compinit.'],
    ['backy2 completion fish > ~/.config/fish/completions/backy2.fish', 'For every fish of this user.'],
  ],
  text([shell = '']) {
    const known = SHELLS.find((name) => name === shell);
    if (known !== undefined) return readPackageFile(SCRIPTS[known]);
    const meant = suggest(shell, SHELLS);
    throw new BackyError('usage', `completion: unknown shell "${shell}".`, {
      hint: meant === undefined ? `Known shells: ${SHELLS.join(', ')}.` : `Did you mean ${meant}?`,
    });
  },
};
