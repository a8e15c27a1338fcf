import { boardNameOf } from '../../simulator/boards/board-name.js';
import { latencyUsOf, type ComputeRates } from '../../simulator/boards/cost-model.js';
import { fitRates, type Measurement } from '../../simulator/boards/rates-fit.js';
import { mlperfMeasurements } from '../helpers/mlperf-latencies.js';
import type { Bench } from './bench.js';

/** One entry, with the rates that all of its measurements give, and those without ad. */
interface Entry {
  readonly name: string;
  readonly measurements: readonly Measurement[];
  readonly rates: ComputeRates;
  readonly withoutAd: ComputeRates;
}

/**
 * How far off the cost model of the simulator is on published latencies: on vww with rates from ic and kws; and on ad, the
 * only model with a rate of its own, with that rate in its usual relation to others, and in the relation that the other
 * entries have. The usual one was chosen with all entries in sight, the other was not.
 */
export const costModelBench: Bench = {
  name: 'cost-model',
  async run(report) {
    const entries = [...(await mlperfMeasurements())].map(([name, measurements]): Entry => ({
      name: boardNameOf(name),
      measurements,
      rates: ratesOf(measurements),
      withoutAd: ratesOf(measurements.filter(({ model }) => model !== 'ad')),
    }));
    const metrics: Readonly<Record<string, (entry: Entry) => number>> = {
      vwwErrorPercent: (entry) => errorPercent(entry, 'vww', entry.rates),
      adUsualErrorPercent: (entry) => errorPercent(entry, 'ad', entry.withoutAd),
      adOthersErrorPercent(entry) {
        const others = entries.filter((each) => each !== entry);
        const ratio = median(others.map(({ rates }) => rates.fullyConnectedNs / rates.otherNs));
        const fullyConnectedNs = ratio * entry.withoutAd.otherNs;
        return errorPercent(entry, 'ad', { ...entry.withoutAd, fullyConnectedNs });
      },
    };
    for (const [metric, errorOf] of Object.entries(metrics)) {
      for (const entry of entries) report({ subject: entry.name, metric, value: errorOf(entry) });
      const sizes = entries.map((entry) => Math.abs(errorOf(entry)));
      report({ subject: 'median', metric, value: median(sizes) });
      report({ subject: 'worst', metric, value: Math.max(...sizes) });
    }
  },
};

function ratesOf(measurements: readonly Measurement[]): ComputeRates {
  const fit = fitRates(measurements);
  if (fit === undefined) throw new Error('the measurements give no rates');
  return fit.rates;
}

function errorPercent({ name, measurements }: Entry, model: string, rates: ComputeRates): number {
  const each = measurements.find((measurement) => measurement.model === model);
  if (each === undefined) throw new Error(`${name} has no ${model}`);
  return 100 * (latencyUsOf(each.work, rates) / 1_000 / each.latencyMs - 1);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}
