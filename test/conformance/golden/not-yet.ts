import type { Call } from './recording.ts';

/** Calls of commands that this release does not have: not replayed. Whoever adds the command removes the line, and the replay is there. */
interface NotYet {
  matches: (call: Call, recording: string) => boolean;
  reason: string;
  /** What the recorder found after it can't be compared either. */
  changesState?: true;
}

const NOT_YET: NotYet[] = [{ matches: isCommand('fuse'), reason: 'comes with the issue of fuse' }];

/** Why a call is not replayed; undefined: it is. */
export function notYet(call: Call, recording: string): NotYet | undefined {
  return NOT_YET.find(({ matches }) => matches(call, recording));
}

function isCommand(...names: string[]) {
  return (call: Call) => names.includes(commandOf(call.argv) ?? '');
}

/** The subcommand: the first word that is neither a global option nor an option's value. */
function commandOf(argv: string[]): string | undefined {
  return argv.find((word, i) => !word.startsWith('-') && !/^(-\w*c|--conf\w*)$/.test(argv[i - 1] ?? ''));
}
