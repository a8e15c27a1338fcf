import { Prng } from '../../../simulator/prng.js';
import { Tally, type Run } from './tally.js';

/** A part of the page, with what it found to be broken. */
export interface SectionResult {
  readonly lines: readonly string[];
  /** What broke a promise, in words. */
  readonly bad: readonly string[];
}

/** What a section of the campaign is told. */
export interface SectionContext {
  readonly seed: number;
  /** How many runs a cell has, by the size of the fleet. */
  runs(devices: number): number;
  readonly progress: (text: string) => void;
}

/** One thing that is measured. */
export interface Section {
  readonly name: string;
  readonly title: string;
  run(context: SectionContext): SectionResult;
}

/** The counts that the page promises: 300 up to 100 devices, 40 at 1,000, 6 at 10,000. */
export function runsOf(devices: number): number {
  if (devices <= 100) return 300;
  return devices <= 1000 ? 40 : 6;
}

/** Runs one cell of a table. Its chance depends on the seed and its name only, so that parts can be run alone. */
export function runCell(
  { seed, progress }: SectionContext,
  name: string,
  runs: number,
  once: (prng: Prng) => Run,
): Tally {
  progress(name);
  const prng = Prng.fromSeed(seed).fork(hashOf(name));
  const tally = new Tally();
  for (let i = 0; i < runs; i++) tally.add(once(prng.fork(i)));
  return tally;
}

/** A table in Markdown. */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text))
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
