import type { BoundCourse, Look, Margins } from './bound-picture.js';

/** What the demo's plan promises: two more wrong answers per 100 windows are no longer safe, one is harm. */
export const demoMargins: Margins = { safe: 0.02, harm: 0.01 };

/** A line of `tinylamp demo --json` about the bounds of a rollout. */
interface BoundLine extends Look {
  readonly event: 'look' | 'verdict';
  readonly release: number;
  readonly step?: number;
  readonly verdict?: 'safe' | 'harm';
}

/** Reads the rollouts of a demo from what it printed: looks in the shadow, up to the verdict there. */
export function readBoundCourses(printed: string): readonly BoundCourse[] {
  const lines = printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as BoundLine);
  const releases = [...new Set(lines.map(({ release }) => release))];
  return releases.map((release) => {
    const own = lines.filter((line) => line.release === release);
    return {
      title: `release ${release}`,
      verdict: own.find(({ step }) => step === -1)?.verdict ?? 'safe',
      looks: own,
    };
  });
}
