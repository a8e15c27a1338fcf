import { Lexer, parseDocument } from 'yaml';

/** Aliases multiply: a few lines can stand for gigabytes. */
const aliases = 16;

/** Brackets within brackets, and list items within list items on one line. */
const nesting = 16;

/** Spaces at the begin of a line: each can be one level deeper. */
const indentation = 64;

/** The values of one YAML document. Throws what the library says, or an error of our own, in words. */
export function parseYaml(text: string): unknown {
  refuseDeepNesting(text);
  const document = parseDocument(text, { uniqueKeys: true });
  // Warnings are for tags that nobody knows: here nobody needs any.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw problem;
  return document.toJS({ maxAliasCount: aliases }) as unknown;
}

/**
 * The library composes by recursion, and where the stack ends within a regular expression the process ends
 * with it. Its tokens come without recursion.
 */
function refuseDeepNesting(text: string): void {
  let brackets = 0;
  let items = 0;
  let lineBegins = true;
  for (const token of new Lexer().lex(text)) {
    const isSpace = /^[ \t]+$/.test(token);
    if (token === '[' || token === '{') brackets++;
    else if (token === ']' || token === '}') brackets = Math.max(0, brackets - 1);
    else if (token === '-' || token === '?') items++;
    else if (/^\r?\n/.test(token)) items = 0;
    if (
      brackets > nesting ||
      items > nesting ||
      (lineBegins && isSpace && token.length > indentation)
    ) {
      throw new Error('it is nested too deeply');
    }
    lineBegins = /\n$/.test(token);
  }
}
