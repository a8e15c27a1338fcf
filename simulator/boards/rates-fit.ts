import { latencyUsOf, usualRatios, type ComputeRates, type Work } from './cost-model.js';

/** A model, and how long a board took for it. */
export interface Measurement {
  readonly model: string;
  readonly work: Work;
  readonly latencyMs: number;
}

/** What a measurement was taken for. */
export type Use = 'conv and other' | 'fc' | 'nothing';

/** A model with what the fitted rates say of it. */
export interface FittedModel {
  readonly model: string;
  readonly measuredMs: number;
  readonly predictedMs: number;
  /** Predicted over measured, less 1. */
  readonly error: number;
  readonly fixes: Use;
}

export interface RatesFit {
  readonly rates: ComputeRates;
  /** In the order of the measurements. */
  readonly models: readonly FittedModel[];
  /** Models that should have fixed a rate, but together with the others gave none above 0. */
  readonly unfit: readonly string[];
}

/**
 * Rates with which the cost model meets measured latencies. The first model that consists mostly of fully connected layers
 * fixes `fc`, and the first two of the others, where one has more large filters than the other, fix `conv` and `other`; the
 * rest are predicted. A rate that nothing fixes is in its usual relation to another one. Models without
 * multiply-accumulates fix nothing. Undefined where no model is left.
 */
export function fitRates(measurements: readonly Measurement[]): RatesFit | undefined {
  const useful = measurements.filter(({ work, latencyMs }) => macsOf(work) > 0 && latencyMs > 0);
  const [connected] = useful.filter(isFullyConnected);
  const [first, ...others] = useful.filter((each) => !isFullyConnected(each));
  const second = others.find((each) => first !== undefined && areApart(first, each));
  // What comes first is best; each that follows has one measurement less, and the last have one.
  const choices = [
    [first, second, connected],
    [first, second],
    [first, connected],
    [first],
    [connected],
  ]
    .map((choice) => choice.filter((each) => each !== undefined))
    .filter((choice) => choice.length > 0);
  for (const choice of choices) {
    const rates = ratesOf(choice);
    if (rates === undefined) continue;
    const wanted = choices[0] ?? [];
    return {
      rates,
      models: measurements.map((each) => fitted(each, rates, choice)),
      unfit: wanted.filter((each) => !choice.includes(each)).map(({ model }) => model),
    };
  }
  return undefined;
}

function fitted(
  measurement: Measurement,
  rates: ComputeRates,
  choice: readonly Measurement[],
): FittedModel {
  const { model, work, latencyMs } = measurement;
  const predictedMs = latencyUsOf(work, rates) / 1_000;
  const use = isFullyConnected(measurement) ? 'fc' : 'conv and other';
  return {
    model,
    measuredMs: latencyMs,
    predictedMs,
    error: predictedMs / latencyMs - 1,
    fixes: choice.includes(measurement) ? use : 'nothing',
  };
}

function macsOf({ convMacs, otherMacs, fullyConnectedMacs }: Work): number {
  return convMacs + otherMacs + fullyConnectedMacs;
}

/** Two models that have the same parts of each kind say the same. */
function areApart(a: Measurement, b: Measurement): boolean {
  return Math.abs(largeShareOf(a) - largeShareOf(b)) > 0.01;
}

function largeShareOf({ work }: Measurement): number {
  return work.convMacs / macsOf(work);
}

function isFullyConnected({ work }: Measurement): boolean {
  return work.fullyConnectedMacs > macsOf(work) / 2;
}

/** The coefficients of conv, other and fc, and what they sum up to. */
type Equation = readonly [conv: number, other: number, fc: number, sum: number];

/** The rates that meet these measurements, and the usual ratios for what they leave open; undefined if any is not above 0. */
function ratesOf(choice: readonly Measurement[]): ComputeRates | undefined {
  const { otherToConv, fullyConnectedToOther } = usualRatios;
  const hasConnected = choice.some(isFullyConnected);
  const convolutions = choice.length - (hasConnected ? 1 : 0);
  const equations: Equation[] = choice.map(({ work, latencyMs }) => {
    // Each in parts of its latency, so that all weigh the same.
    const part = 1 / (latencyMs * 1e6);
    return [work.convMacs * part, work.otherMacs * part, work.fullyConnectedMacs * part, 1];
  });
  if (convolutions < 2) equations.push([otherToConv, -1, 0, 0]);
  if (convolutions === 0 || !hasConnected) equations.push([0, fullyConnectedToOther, -1, 0]);
  const [a, b, c] = equations;
  if (a === undefined || b === undefined || c === undefined) return undefined;
  // Cramer's rule. Without a solution, divisions by 0 give what is not finite.
  const whole = determinant(a, b, c, [0, 1, 2]);
  const [convNs, otherNs, fullyConnectedNs] = [
    determinant(a, b, c, [3, 1, 2]) / whole,
    determinant(a, b, c, [0, 3, 2]) / whole,
    determinant(a, b, c, [0, 1, 3]) / whole,
  ];
  const isRate = (ns: number): boolean => ns > 0 && Number.isFinite(ns);
  if (![convNs, otherNs, fullyConnectedNs].every(isRate)) return undefined;
  return { convNs, otherNs, fullyConnectedNs, operatorUs: 0 };
}

type Columns = readonly [0 | 3, 1 | 3, 2 | 3];

function determinant(a: Equation, b: Equation, c: Equation, [i, j, k]: Columns): number {
  return (
    a[i] * (b[j] * c[k] - b[k] * c[j]) -
    a[j] * (b[i] * c[k] - b[k] * c[i]) +
    a[k] * (b[i] * c[j] - b[j] * c[i])
  );
}
