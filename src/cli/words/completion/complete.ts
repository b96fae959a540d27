import { homedir } from 'node:os';
import type { Config } from '../../../config/config.ts';
import { loadConfig } from '../../../config/load.ts';
import { peekVersions } from '../../../meta/peek.ts';
import { ALL_COMMANDS } from '../../commands/index.ts';
import { GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION } from '../../options/global-options.ts';
import { analyse } from './analyse.ts';
import { type Answer, answerFor } from './candidates.ts';

const VOCABULARY = { commands: ALL_COMMANDS, globals: [...GLOBAL_OPTIONS, VERSION_OPTION, HELP_OPTION], common: [HELP_OPTION] };

/**
 * Answers the completion scripts. The first line is `words`, or `files`, a tab and the part of the
 * word before the file name. Each further line is a candidate: word, tab, description.
 * Reads config and database only if the answer needs them, and changes neither. On any error it
 * offers nothing and stays silent: the user is still typing.
 * @param words the words up to the cursor; the last one may be partial or empty.
 */
export async function complete(words: readonly string[]): Promise<string> {
  const { wanted, configFile } = analyse(words.slice(0, -1), words.at(-1) ?? '', VOCABULARY);
  let config: Config | undefined;
  const loaded = () => {
    config ??= loadConfig(configFile === undefined ? undefined : withHome(configFile));
    return config;
  };
  return format(
    await answerFor(wanted, {
      commands: ALL_COMMANDS,
      versions: () => orNothing(() => peekVersions(loaded().engine)),
      schedulers: () => orNothing(async () => loaded().schedulers),
      jobs: () => orNothing(async () => loaded().jobs),
    }),
  );
}

function format({ candidates, filesAfter }: Answer): string {
  const lines = candidates
    // No shell can complete a name with a line break.
    .filter(({ word }) => !CONTROL.test(word))
    .map(({ word, description }) => `${word}\t${description.replaceAll(new RegExp(CONTROL, 'g'), '?')}`);
  return [filesAfter === undefined ? 'words' : `files\t${filesAfter}`, ...lines, ''].join('\n');
}

const CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029]/;

/** Expands `~`, since shells pass words as typed. */
function withHome(path: string): string {
  return path.startsWith('~/') ? `${homedir()}${path.slice(1)}` : path;
}

async function orNothing<T>(read: () => Promise<readonly T[]>): Promise<T[]> {
  try {
    return [...(await read())];
  } catch {
    return [];
  }
}
