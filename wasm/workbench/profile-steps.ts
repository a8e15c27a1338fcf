import { setImmediate } from 'node:timers/promises';
import type { Interpreter } from '../loader/interpreter.js';
import { medianOf } from './median.js';
import { writeInputs } from './packed-tensors.js';

/** What a step of a model takes. */
export interface StepProfile {
  /** Index of the first of its operators. */
  readonly operator: number;
  readonly name: string;
  /** Microseconds, the median of several samples. */
  readonly us: number;
  /** Of the sum over all steps: 0 to 1. */
  readonly share: number;
  /** Multiply-accumulates of all its operators. */
  readonly macs: number;
  /** Type of its first input. */
  readonly type: string;
}

const rounds = 15;
const limitMs = 10_000;

/** A sample is at least so long, so that the clock's own cost does not count. */
const leastSampleUs = 100;

/**
 * Measures each step of a model by itself: it is repeated many times before the next one comes, with its data in the cache. So the
 * sum is a little less than what an inference takes. The engine should have run the model hot before.
 */
export async function profileSteps(
  interpreter: Interpreter,
  input: Uint8Array,
): Promise<readonly StepProfile[]> {
  const { operators, tensors } = interpreter.report;
  const steps: { readonly operator: number; readonly repeats: number; samplesUs: number[] }[] = [];
  writeInputs(interpreter, input);
  for (let step = 0; ; step++) {
    const operator = interpreter.repeatStep(step, 1);
    if (operator === undefined) break;
    const repeats = Math.max(1, Math.ceil(leastSampleUs / timeUs(interpreter, step, 3)));
    steps.push({ operator, repeats, samplesUs: [] });
  }
  const beganMs = performance.now();
  for (let round = 0; round < rounds && performance.now() - beganMs < limitMs; round++) {
    writeInputs(interpreter, input);
    for (const [step, { repeats, samplesUs }] of steps.entries()) {
      samplesUs.push(timeUs(interpreter, step, repeats));
    }
    // Whoever wants to end the program can.
    await setImmediate();
  }
  const medians = steps.map(({ samplesUs }) => medianOf(samplesUs));
  const sumUs = medians.reduce((sum, us) => sum + us, 0);
  return steps.map(({ operator }, step) => {
    const us = medians[step] ?? 0;
    const { name = '', macs = 0, inputs = [] } = operators[operator] ?? {};
    const type = tensors[inputs[0] ?? -1]?.type ?? '';
    return { operator, name, us, share: us / sumUs, macs, type };
  });
}

/** Microseconds of a step, as the mean of several in a row. */
function timeUs(interpreter: Interpreter, step: number, repeats: number): number {
  const beganMs = performance.now();
  interpreter.repeatStep(step, repeats);
  return ((performance.now() - beganMs) * 1000) / repeats;
}
