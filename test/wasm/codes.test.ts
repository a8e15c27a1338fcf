import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { codes, type CodeEntry } from '../../protocol/codes.js';

describe('the numbers of the inference core', () => {
  it('are those of the one table of codes, under the same names', () => {
    const source = readFileSync('wasm/src/error.rs', 'utf8');
    const kinds = /pub enum ErrorKind \{(.*?)\n\}/s.exec(source)?.[1] ?? '';
    const rust = [...kinds.matchAll(/^ {4}(\w+) = (\d+),$/gm)].map(([, name = '', number]) => [
      name.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase(),
      Number(number),
    ]);
    const table = Object.entries<CodeEntry>(codes)
      .filter(([, { engine }]) => engine !== undefined)
      .map(([code, { engine }]) => [code, engine]);
    assert.ok(rust.length > 10);
    assert.deepEqual(Object.fromEntries(rust), Object.fromEntries(table));
  });
});
