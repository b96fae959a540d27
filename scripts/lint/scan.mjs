/**
 * Finds the comments and strings of a source text, without a parser of the language.
 *
 * @typedef {{ kind: 'comment' | 'string', start: number, end: number, text: string }} Token
 */

// A `/` after one of these begins a regular expression; after anything else it divides.
const BEFORE_REGEX = /(?:^|[([{,;:=!&|?+\-*%~^<>]|\b(?:return|typeof|case|of|in|delete|void|throw|await|yield|else))\s*$/;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const QUOTED = { "'": /'(?:\\[\s\S]|[^'\\\n])*'?/y, '"': /"(?:\\[\s\S]|[^"\\\n])*"?/y };
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const TEMPLATE_PART = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*/y;

/** @returns {Token[]} in order; of a template string, each part between its `${…}`. */
export function scan(text, language) {
  return language === 'shell' ? scanShell(text) : scanScript(text);
}

/** TypeScript, JavaScript and C, which has no templates and no regular expressions. */
function scanScript(text) {
  const tokens = [];
  // Where the last comment ended: it is no code that a regular expression could follow.
  let code = '';
  // Open braces in each `${…}` that is open.
  const depths = [];
  let at = 0;
  const match = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const take = (kind, piece) => {
    tokens.push({ kind, start: at, end: at + piece.length, text: piece });
    at += piece.length;
  };
  const template = () => {
    take('string', match(TEMPLATE_PART) ?? '');
    if (text[at] === '$') depths.push(0);
    at += text[at] === '$' ? 2 : 1;
    code = depths.length > 0 && text[at - 1] === '{' ? '{' : '`';
  };
  while (at < text.length) {
    const letter = text[at];
    const comment = letter === '/' ? match(COMMENT) : undefined;
    const regex = letter === '/' && !comment && BEFORE_REGEX.test(code) ? match(REGEX) : undefined;
    if (comment) take('comment', comment);
    else if (regex) at += regex.length;
    else if (letter === "'" || letter === '"') take('string', match(QUOTED[letter]));
    else if (letter === '`') {
      at += 1;
      template();
      continue;
    } else if (letter === '}' && depths.at(-1) === 0) {
      depths.pop();
      at += 1;
      template();
      continue;
    } else {
      if (depths.length > 0 && letter === '{') depths[depths.length - 1] += 1;
      if (depths.length > 0 && letter === '}') depths[depths.length - 1] -= 1;
      code = code.slice(-20) + letter;
      at += 1;
      continue;
    }
    if (!comment) code = "'";
  }
  return tokens;
}

/** Shell and Python: lines that are comments. Those behind code are left to the reader. */
function scanShell(text) {
  return [...text.matchAll(/^[ \t]*(#(?!!).*)$/gm)].map((line) => ({
    kind: 'comment',
    start: line.index + line[0].length - line[1].length,
    end: line.index + line[0].length,
    text: line[1],
  }));
}
