import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BINARY, Running } from './process.ts';

/** The result of typing a line and a tab. */
export interface Typed {
  /** The line after the tab. */
  line: string;
  /** Lines that the shell listed below it, without blanks at their ends. */
  listed: string[];
}

/** Settings for an interactive shell: Ctrl-T shows the current line and starts a new one. */
const SHELLS = {
  bash: {
    rcFile: '.bashrc',
    setup: `
PS1= PS2=
source <(backy2 completion bash)
show() { printf 'LINE<%s>\\n' "$READLINE_LINE"; READLINE_LINE= READLINE_POINT=0; }
bind -x '"\\C-t": show'
bind 'set show-all-if-ambiguous on' 'set enable-bracketed-paste off' 'set page-completions off'
bind 'set completion-query-items -1' 'set bell-style none'
`,
    command: (folder: string) => `bash --noprofile --rcfile ${folder}/.bashrc -i`,
  },
  zsh: {
    rcFile: '.zshrc',
    setup: `
PS1= PS2= RPS1= LISTMAX=1000
unset zle_bracketed_paste
unsetopt promptsp promptcr beep listambiguous
autoload -Uz compinit
compinit -D -u
source <(backy2 completion zsh)
show() { zle -I; print -r -- "LINE<$BUFFER>"; BUFFER= }
zle -N show
bindkey '^T' show
`,
    command: (folder: string) => `ZDOTDIR=${folder} zsh -d -i`,
  },
};

/** A terminal buffers this many characters that were typed ahead. */
const TYPE_AHEAD_LIMIT = 4000;

/**
 * Types lines into an interactive shell on a terminal of its own, each with a tab at its end.
 * @returns the result of each line.
 */
export async function typeInto(shell: keyof typeof SHELLS, lines: readonly string[], cwd: string): Promise<Typed[]> {
  const { rcFile, setup, command } = SHELLS[shell];
  const keys = `${lines.map((line) => `${line}\t\x14`).join('')}exit\n`;
  if (keys.length > TYPE_AHEAD_LIMIT) throw new Error('more than a terminal takes at once');
  const folder = mkdtempSync(join(tmpdir(), 'backy2-shell-'));
  try {
    writeFileSync(join(folder, rcFile), `stty cols 200\n${setup}`);
    const env = { PATH: `${dirname(BINARY)}:${process.env.PATH ?? ''}`, HOME: folder, TERM: 'dumb', LANG: 'C.UTF-8' };
    const { stdout } = await new Running(['script', '-qec', command(folder), '/dev/null'], { cwd, env, stdin: keys }).ended;
    return typedIn(stdout, lines.length);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The terminal first shows the text typed ahead, then each line as the shell has it. */
function typedIn(screen: string, count: number): Typed[] {
  const parts = screen.replaceAll('\r', '').split(/LINE<(.*)>\n/);
  const found = Array.from({ length: (parts.length - 1) / 2 }, (_, i) => ({
    line: parts[2 * i + 1] ?? '',
    listed: (parts[2 * i] ?? '').split('\n').map((text) => text.trimEnd()),
  }));
  if (found.length !== count) throw new Error(`${found.length} of ${count} lines were shown:\n${screen}`);
  return found;
}
