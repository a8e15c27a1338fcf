import { readFileSync } from 'node:fs';
import path from 'node:path';
import { sharedFolder } from './requires.js';

/** Reads a file of `data/vectors`; the suite that calls it requires `shared`. */
export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(path.join(sharedFolder, 'data/vectors', name), 'utf8'));
}
