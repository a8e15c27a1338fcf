import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  stringify,
  visit,
  type Document,
  type Range,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml';

/** The one door of the library that reads YAML, and what no file of ours needs of it. */

/** Aliases multiply: a few lines can stand for gigabytes. An alias of aliases counts as all of them. */
const aliases = 16;

/** In a list of many that are alike, most are aliases. */
const aliasesOfTexts = 1_000;

/** Brackets within brackets, and list items within list items on one line. */
const nesting = 16;

/** Spaces at the begin of a line: each can be one level deeper. */
const indentation = 64;

/** The values of one YAML document. Throws what the library says, or an error of our own, in words. */
export function parseYaml(text: string): unknown {
  refuseDeepNesting(text);
  const document = parseDocument(text, { uniqueKeys: true });
  const problem = problemOf(document);
  if (problem !== undefined) throw problem;
  const mistake = findMistake(document);
  if (mistake !== undefined) throw new Error(mistake.words);
  return document.toJS({ maxAliasCount: aliases }) as unknown;
}

/** A YAML document, and where in its text each value stands. */
export interface YamlTexts {
  /** Lists, maps, and texts as they were written. Null where a flow map has a key alone. */
  readonly value: unknown;
  /** The line, from 1, of the value with this path; where it is not there, of the last that is on the way. */
  readonly lineOf: (path: readonly (string | number)[]) => number;
}

/**
 * Reads one YAML document without deciding what is a number, a truth value or nothing: each scalar is the text that was
 * written, by the failsafe schema of YAML 1.2 (10.1), also where the document says that it is YAML 1.1. Throws an error
 * whose message begins with the line.
 */
export function readYamlTexts(text: string): YamlTexts {
  refuseDeepNesting(text);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    // The library compares each key with each other one: here `findMistake` does it, in one pass.
    uniqueKeys: false,
    schema: 'failsafe',
    stringKeys: true,
    // Pictures of the text beside each error take longer than all else.
    prettyErrors: false,
    lineCounter: lines,
  });
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const problem = problemOf(document);
  if (problem !== undefined) {
    throw new Error(`line ${lineAt(problem.pos[0])}: ${problem.message}`);
  }
  const mistake = findMistake(document);
  if (mistake !== undefined) throw new Error(`line ${lineAt(mistake.offset)}: ${mistake.words}`);
  try {
    const value = document.toJS({ maxAliasCount: aliasesOfTexts }) as unknown;
    return { value, lineOf: (path) => lineAt(offsetOf(document, path)) };
  } catch (error) {
    // All that is left to be wrong are too many aliases.
    throw new Error('line 1: the aliases of the file stand for too much', { cause: error });
  }
}

/** A YAML document of lists, maps and texts, such as `readYamlTexts` gives. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 120, aliasDuplicateObjects: false });
}

/** The first thing that is wrong. Warnings are for tags that nobody knows: here nobody needs any. */
function problemOf(document: Document.Parsed): YAMLError | undefined {
  return [...document.errors, ...document.warnings][0];
}

interface Mistake {
  readonly offset: number;
  readonly words: string;
}

/**
 * The first key that a map has twice, or alias that has no anchor before it, or that is part of what it stands for: that
 * would never end.
 */
function findMistake(document: Document.Parsed): Mistake | undefined {
  const anchors = new Map<string, unknown>();
  let mistake: Mistake | undefined;
  const stopAt = (node: { readonly range?: Range | null | undefined }, words: string): symbol => {
    mistake = { offset: node.range?.[0] ?? 0, words };
    return visit.BREAK;
  };
  visit(document, {
    Node: (_key, node, path) => {
      if (isAlias(node)) {
        const anchor = anchors.get(node.source);
        if (anchor === undefined) return stopAt(node, 'an alias has no anchor before it');
        return path.some((each) => each === anchor)
          ? stopAt(node, 'an alias is part of what it stands for')
          : undefined;
      }
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      const repeated = isMap(node) ? findRepeatedKey(node) : undefined;
      return repeated && stopAt(repeated, 'map keys must be unique');
    },
  });
  return mistake;
}

function findRepeatedKey({ items }: YAMLMap): Scalar | undefined {
  const keys = new Set<unknown>();
  for (const { key } of items) {
    if (!isScalar(key)) continue;
    if (keys.has(key.value)) return key;
    keys.add(key.value);
  }
  return undefined;
}

/** Where the value begins, or the key of a map that has it. */
function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const part of path) {
    node = isAlias(node) ? node.resolve(document) : node;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair === undefined) break;
      offset = rangeOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      offset = rangeOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function rangeOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)
    ? node.range?.[0]
    : undefined;
}

/**
 * The library composes by recursion, and where the stack ends within a regular expression the process ends
 * with it. Its tokens come without recursion.
 */
function refuseDeepNesting(text: string): void {
  let brackets = 0;
  let items = 0;
  let lineBegins = true;
  let line = 1;
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
      throw new Error(`line ${line}: it is nested too deeply`);
    }
    lineBegins = /\n$/.test(token);
    line += token.split('\n').length - 1;
  }
}
