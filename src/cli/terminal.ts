import { isatty } from 'node:tty';

/** Whether words may be coloured: not with `--no-color` or NO_COLOR (no-color.org), nor on a terminal that can't. */
export function allowsColor(option: boolean | undefined, env = process.env): boolean {
  return option !== false && (env.NO_COLOR ?? '') === '' && !isDumb(env);
}

/** Whether stderr is a terminal on which a line can be drawn anew. */
export function allowsBar(env = process.env): boolean {
  return isatty(2) && !isDumb(env);
}

function isDumb({ TERM = '' }: NodeJS.ProcessEnv): boolean {
  return TERM === '' || TERM === 'dumb';
}
