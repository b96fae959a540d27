/** The words of a simple command, without redirections and quotes. */
export type ShellCommand = string[];

const TOKEN = new RegExp(
  [
    String.raw`(?<open> ?\$\(|[<>]?\()`,
    String.raw`(?<blank>\s+)`,
    String.raw`(?<comment>(?<!\S)#.*)`,
    String.raw`(?<redirection>\d?(?:<<<|>>|>\||[<>])(?!\()&?\s*(?:"[^"]*"|'[^']*'|[^\s;|&()])*)`,
    String.raw`(?<close>\))`,
    String.raw`(?<separator>\|\||&&|[|&;])`,
    String.raw`(?<word>(?:"(?:\$\([^()]*\)|\\.|[^"\\])*"|'[^']*'|\\.|\$(?!\()|[^\s;|&()<>"'$\\])+|.)`,
  ].join('|'),
  'gs',
);

/**
 * Splits a line of shell into its simple commands: those of pipelines, lists, `$(…)` and `<(…)`.
 * Knows as much of the shell as documentation needs. Expands nothing: a word `$(…)` is `$`.
 */
export function simpleCommands(line: string): ShellCommand[] {
  const commands: ShellCommand[] = [[]];
  const outer: ShellCommand[] = [];
  let current: ShellCommand = commands[0] ?? [];
  const begin = () => {
    current = [];
    commands.push(current);
  };
  for (const { groups = {} } of line.matchAll(TOKEN)) {
    if (groups.word !== undefined) {
      current.push(groups.word.replace(/"((?:\$\([^()]*\)|\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs, '$1$2$3'));
      for (const [, inner = ''] of groups.word.matchAll(/\$\(([^()]*)\)/g)) commands.push(...simpleCommands(inner));
    } else if (groups.open !== undefined) {
      if (groups.open === ' $(') current.push('$');
      outer.push(current);
      begin();
    } else if (groups.close !== undefined) current = outer.pop() ?? current;
    else if (groups.separator !== undefined) begin();
  }
  return commands.filter((words) => words.length > 0);
}
