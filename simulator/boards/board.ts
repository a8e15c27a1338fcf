import type { LinkKind } from '../broker/link-kinds.js';
import type { HostLimits } from '../devices/device-host.js';
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

/** Builtin codes of the TensorFlow Lite schema. */
const conv2d = 3;
const fullyConnected = 9;

/** How long one inference of a model takes, in microseconds. */
export function latencyUsOf(model: ModelReport, rates: ComputeRates): number {
  let ns = 0;
  for (const operator of model.operators) ns += operator.macs * rateOf(operator, model, rates);
  return ns / 1000 + rates.operatorUs * model.operators.length;
}

function rateOf(operator: OperatorReport, model: ModelReport, rates: ComputeRates): number {
  if (operator.code === fullyConnected) return rates.fullyConnectedNs;
  if (operator.code !== conv2d) return rates.otherNs;
  // Weights of CONV_2D are [outputs, height, width, inputs].
  const [, height = 1, width = 1] = model.tensors[operator.inputs[1] ?? -1]?.shape ?? [];
  return height * width > 1 ? rates.convNs : rates.otherNs;
}

/** A kind of device: how fast it is, what it holds, and how it is connected. */
export interface Board {
  readonly name: string;
  /** The label `class` of its devices. */
  readonly class: string;
  readonly link: LinkKind;
  readonly rates: ComputeRates;
  readonly limits: HostLimits;
}
