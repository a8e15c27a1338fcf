import type { ModelReport, OperatorReport } from '../../wasm/loader/model-report.js';

/** How long a processor takes for a model, by kinds of multiply-accumulates. */
export interface ComputeRates {
  /** Nanoseconds of a multiply-accumulate in convolutions whose filters are larger than one pixel. */
  readonly convNs: number;
  /** In pointwise and depthwise convolutions, and in all that has no rate of its own. */
  readonly otherNs: number;
  /** In fully connected layers. */
  readonly fullyConnectedNs: number;
  /** Of each operator besides. */
  readonly operatorUs: number;
}

/** What a model asks of a processor: multiply-accumulates by the rate that they have, and operators. */
export interface Work {
  readonly convMacs: number;
  readonly otherMacs: number;
  readonly fullyConnectedMacs: number;
  readonly operators: number;
}

/** Builtin codes of the TensorFlow Lite schema. */
const conv2d = 3;
const fullyConnected = 9;

/** The work of one inference. Of branches the dearer counts, of loops one round. */
export function workOf(model: ModelReport): Work {
  let [convMacs, otherMacs, fullyConnectedMacs] = [0, 0, 0];
  for (const operator of model.operators) {
    if (operator.code === fullyConnected) fullyConnectedMacs += operator.macs;
    else if (isLargeConv(operator, model)) convMacs += operator.macs;
    else otherMacs += operator.macs;
  }
  // What operators call is in the sum of the model alone.
  otherMacs += Math.max(0, model.macs - convMacs - otherMacs - fullyConnectedMacs);
  return { convMacs, otherMacs, fullyConnectedMacs, operators: model.operators.length };
}

function isLargeConv({ code, inputs }: OperatorReport, { tensors }: ModelReport): boolean {
  // Weights of CONV_2D are [outputs, height, width, inputs].
  const [, height = 1, width = 1] = tensors[inputs[1] ?? -1]?.shape ?? [];
  return code === conv2d && height * width > 1;
}

/** How long so much work takes, in microseconds. */
export function latencyUsOf(work: Work, rates: ComputeRates): number {
  const ns =
    work.convMacs * rates.convNs +
    work.otherMacs * rates.otherNs +
    work.fullyConnectedMacs * rates.fullyConnectedNs;
  return ns / 1_000 + work.operators * rates.operatorUs;
}

/**
 * Rates in the usual relation to each other, where one is known and another is not: near the middle of the seven boards that
 * are shipped with measured rates (docs/boards.md).
 */
export const usualRatios = { otherToConv: 1.5, fullyConnectedToOther: 0.75 } as const;

/** The rates of multiply-accumulates that are not given follow from those that are. At least one must be. */
export function completeRates(given: {
  readonly convNs: number | undefined;
  readonly otherNs: number | undefined;
  readonly fullyConnectedNs: number | undefined;
  readonly operatorUs: number;
}): ComputeRates {
  const { otherToConv, fullyConnectedToOther } = usualRatios;
  const otherNs =
    given.otherNs ??
    (given.convNs === undefined
      ? (given.fullyConnectedNs ?? NaN) / fullyConnectedToOther
      : given.convNs * otherToConv);
  return {
    convNs: given.convNs ?? otherNs / otherToConv,
    otherNs,
    fullyConnectedNs: given.fullyConnectedNs ?? otherNs * fullyConnectedToOther,
    operatorUs: given.operatorUs,
  };
}
