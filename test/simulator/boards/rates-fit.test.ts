import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Work } from '../../../simulator/boards/cost-model.js';
import { latencyUsOf } from '../../../simulator/boards/cost-model.js';
import { fitRates, type Measurement } from '../../../simulator/boards/rates-fit.js';

const work = (convMacs: number, otherMacs: number, fullyConnectedMacs: number): Work => ({
  convMacs,
  otherMacs,
  fullyConnectedMacs,
  operators: 10,
});

/** The multiply-accumulates of the models of MLPerf Tiny. */
const ic = work(12_238_848, 262_144, 640);
const kws = work(320_000, 2_336_000, 768);
const vww = work(497_664, 6_991_488, 512);
const ad = work(0, 0, 264_192);

const rates = { convNs: 50, otherNs: 80, fullyConnectedNs: 30, operatorUs: 0 };

const took = (model: string, of: Work, by = rates): Measurement => ({
  model,
  work: of,
  latencyMs: latencyUsOf(of, by) / 1_000,
});

/** What each model was taken for. */
const usesOf = (measurements: readonly Measurement[]): readonly (readonly [string, string])[] =>
  fitRates(measurements)?.models.map(({ model, fixes }) => [model, fixes] as const) ?? [];

describe('rates that are fitted to latencies', () => {
  it('are those of a processor that the cost model describes', () => {
    const fit = fitRates([took('ad', ad), took('ic', ic), took('kws', kws), took('vww', vww)]);
    assert.ok(fit !== undefined);
    assertNear(fit.rates.convNs, 50);
    assertNear(fit.rates.otherNs, 80);
    assertNear(fit.rates.fullyConnectedNs, 30);
    for (const { error } of fit.models) assertNear(1 + error, 1);
  });

  it('meet the models that fix them exactly, whatever these took', () => {
    const latency = fc.double({ min: 0.001, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(latency, latency, latency, latency, (ofIc, ofKws, ofAd, ofVww) => {
        const fit = fitRates([
          { model: 'ic', work: ic, latencyMs: ofIc },
          { model: 'kws', work: kws, latencyMs: ofKws },
          { model: 'ad', work: ad, latencyMs: ofAd },
          { model: 'vww', work: vww, latencyMs: ofVww },
        ]);
        assert.ok(fit !== undefined);
        const fixed = fit.models.filter(({ fixes }) => fixes !== 'nothing');
        assert.ok(fixed.length > 0);
        for (const { error } of fixed) assert.ok(Math.abs(error) < 1e-6, String(error));
        for (const ns of [fit.rates.convNs, fit.rates.otherNs, fit.rates.fullyConnectedNs]) {
          assert.ok(ns > 0 && Number.isFinite(ns));
        }
        assert.equal(fixed.length + fit.unfit.length, 3);
      }),
    );
  });

  it('are fixed by the first two models of convolutions and the first of connected layers', () => {
    const all = [took('ad', ad), took('ic', ic), took('kws', kws), took('vww', vww)];
    assert.deepEqual(usesOf(all), [
      ['ad', 'fc'],
      ['ic', 'conv and other'],
      ['kws', 'conv and other'],
      ['vww', 'nothing'],
    ]);
    assert.deepEqual(usesOf([...all].reverse()), [
      ['vww', 'conv and other'],
      ['kws', 'conv and other'],
      ['ic', 'nothing'],
      ['ad', 'fc'],
    ]);
  });

  it('are not fixed by a second model with the same parts as the first', () => {
    const twice = work(2 * ic.convMacs, 2 * ic.otherMacs, 2 * ic.fullyConnectedMacs);
    const measured = [took('ic', ic), took('twice', twice), took('kws', kws)];
    assert.deepEqual(usesOf(measured), [
      ['ic', 'conv and other'],
      ['twice', 'nothing'],
      ['kws', 'conv and other'],
    ]);
  });

  it('are in their usual relation where nothing fixes them', () => {
    const fit = fitRates([took('ic', ic)]);
    assert.ok(fit !== undefined);
    assertNear(fit.rates.otherNs / fit.rates.convNs, 1.5);
    assertNear(fit.rates.fullyConnectedNs / fit.rates.otherNs, 0.75);
    const connected = fitRates([took('ad', ad)]);
    assertNear(connected?.rates.fullyConnectedNs ?? 0, 30);
    assertNear(connected?.rates.otherNs ?? 0, 40);
  });

  it('leave a model out where it would take a rate below 0', () => {
    const slow = { model: 'vww', work: vww, latencyMs: 600 };
    const fit = fitRates([{ model: 'kws', work: kws, latencyMs: 181.9 }, slow]);
    assert.deepEqual(fit?.unfit, ['vww']);
    assertNear(1 + (fit.models[0]?.error ?? 1), 1);
    assert.ok(Math.abs(fit.models[1]?.error ?? 1) < 0.2);
  });

  it('are none without a model that multiplies', () => {
    assert.equal(fitRates([]), undefined);
    assert.equal(fitRates([{ model: 'nothing', work: work(0, 0, 0), latencyMs: 1 }]), undefined);
  });
});

function assertNear(actual: number, expected: number): void {
  assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual} instead of ${expected}`);
}
