import { type ShellCommand, simpleCommands } from './simple-commands.ts';

/** A call of backy2 that a page or a script shows. */
export interface DocumentedCommand {
  /** 1 is the first line. */
  line: number;
  /** The words after `backy2`. */
  argv: string[];
  /** Arguments may be missing: a sentence names the command, or xargs appends them. */
  isPart: boolean;
}

/**
 * Words before a command: of the shell, cron, systemd, commands that start another, and functions
 * of our scripts.
 */
const BEFORE =
  /^(\$|[A-Za-z_]+=.*|[\d*,/-]+|root|sudo|do|then|else|if|while|until|!|exec|time|nohup|flock|xargs|timeout|run|step|-.*|\d+\w?)$/;
const PROGRAM = /^(Exec\w+=)?(|bin\/|\/[\w/]*bin\/|\/opt\/[\w/]*)backy2$/;
/** Commands of Unix have these names too. */
const UNIX = new Set(['ls', 'rm', 'du', 'export']);

/**
 * Finds the calls of backy2 in the code blocks and code spans of a Markdown page.
 * @param names of all commands: spans such as `scrub --all` are calls too.
 */
export function commandsOfPage(markdown: string, names: readonly string[]): DocumentedCommand[] {
  const shared = names.filter((name) => !UNIX.has(name)).join('|');
  const short = new RegExp(`^(${shared}) +-`);
  let isFenced = false;
  return joined(markdown).flatMap(({ text, line }) => {
    if (/^ *```/.test(text)) isFenced = !isFenced;
    if (isFenced || /^ {4,}(?!- |\d+\. )/.test(text)) return callsOf(isSyntax(text) ? withoutSyntax(text) : text, line);
    const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => withoutSyntax(span));
    return spans
      .flatMap((span) => callsOf(short.test(span) ? `backy2 ${span}` : span, line))
      .map((call) => ({ ...call, isPart: true }));
  });
}

/** Finds the calls of backy2 in a shell script, a crontab or a unit of systemd. */
export function commandsOfScript(script: string): DocumentedCommand[] {
  return joined(script).flatMap(({ text, line }) => callsOf(text, line));
}

function isSyntax(line: string): boolean {
  return / \[(-|[A-Z]+\])/.test(line);
}

/** Turns `[-s SNAP] [--export UID\|NAME] UID …` into `-s SNAP --export UID UID`. */
function withoutSyntax(span: string): string {
  return span.replace(/ ?\\\|[^ \]]*(?: [A-Z]+(?=\]))?/g, '').replace(/[[\]…]/g, ' ');
}

/** Joins lines that end with a backslash. */
function joined(text: string): { text: string; line: number }[] {
  const whole: { text: string; line: number }[] = [];
  let isOpen = false;
  for (const [index, next] of text.split('\n').entries()) {
    const last = whole.at(-1);
    if (isOpen && last !== undefined) last.text = `${last.text.slice(0, -1)} ${next.trimStart()}`;
    else whole.push({ text: next, line: index + 1 });
    isOpen = next.endsWith('\\');
  }
  return whole;
}

function callsOf(text: string, line: number): DocumentedCommand[] {
  return simpleCommands(text).flatMap((words) => {
    const at = words.findIndex((word) => PROGRAM.test(word));
    const before = words.slice(0, at);
    // Titles of processes and exports, such as "backy2 Version 2.12 metadata dump".
    if (/^\[?[A-Z][a-z]/.test(words[at + 1] ?? '')) return [];
    if (at < 0 || !before.every((word) => BEFORE.test(word))) return [];
    return { line, argv: argvOf(words, at), isPart: before.includes('xargs') };
  });
}

/** Leaves out ellipses and arrays, which may hold any words. */
function argvOf(words: ShellCommand, at: number): string[] {
  return words.slice(at + 1).filter((word) => !/^(…|\.\.\.|\$@|\$\{\w+\[@\]\})$/.test(word));
}
