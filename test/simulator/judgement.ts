import { conditions } from '../../simulator/signals/condition.js';
import type { DemoRelease } from './demo-release.js';
import type { RecordedWindow } from './recording.js';

/** What a model said of windows whose truth is known. */
export interface Judgement {
  readonly windows: number;
  /** Rows are the truth, columns the answer, both in the order of `conditions`. */
  readonly confusion: readonly (readonly number[])[];
  /** The top score of each window, dequantised. */
  readonly confidences: readonly number[];
}

/** Has a model answer every window. */
export async function judge(
  release: DemoRelease,
  windows: readonly RecordedWindow[],
): Promise<Judgement> {
  const confusion = conditions.map(() => conditions.map(() => 0));
  const confidences: number[] = [];
  for (const { truth, samples } of windows) {
    const { index = -1, score = NaN } = await release.answer(samples);
    const row = confusion[truth] ?? [];
    row[index] = (row[index] ?? NaN) + 1;
    confidences.push(score);
  }
  return { windows: windows.length, confusion, confidences };
}

/** Share of windows that were answered rightly. */
export function accuracyOf({
  confusion,
  windows,
}: Pick<Judgement, 'confusion' | 'windows'>): number {
  return confusion.reduce((sum, row, truth) => sum + (row[truth] ?? NaN), 0) / windows;
}

/** Of the windows of healthy machines, the share that was called faulty. */
export function falseAlarmsOf({ confusion }: Pick<Judgement, 'confusion'>): number {
  const [healthy = []] = confusion;
  const [right = NaN] = healthy;
  return 1 - right / healthy.reduce((sum, count) => sum + count, 0);
}

/** How many windows got each answer, whatever the truth. */
export function answersOf({ confusion }: Pick<Judgement, 'confusion'>): number[] {
  return conditions.map((_, answer) =>
    confusion.reduce((sum, row) => sum + (row[answer] ?? NaN), 0),
  );
}
