import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  judgeGate,
  judgeGuardrail,
  type GuardrailEvidence,
} from '../../../protocol/statistics/gate.js';

const margins = { harm: 0.01, safe: 0.02 };

describe('a guardrail', () => {
  const rows = [
    { lower: 0.011, upper: 0.05, verdict: 'harm' },
    { lower: 0.01, upper: 0.05, verdict: 'continue' },
    { lower: -0.01, upper: 0.03, verdict: 'continue' },
    { lower: 0.001, upper: 0.02, verdict: 'continue' },
    { lower: 0.001, upper: 0.019, verdict: 'safe' },
    { lower: 0.011, upper: 0.019, verdict: 'harm' },
    { lower: -0.3, upper: -0.1, verdict: 'safe' },
    { lower: -1, upper: Infinity, verdict: 'continue' },
    { lower: NaN, upper: NaN, verdict: 'continue' },
  ] as const;
  for (const { lower, upper, verdict } of rows) {
    it(`says ${verdict} where the difference is between ${lower} and ${upper}`, () => {
      assert.equal(
        judgeGuardrail({ name: 'missing', margins, interval: { lower, upper } }),
        verdict,
      );
    });
  }
});

describe('a gate', () => {
  const safe = evidence('missing', -0.01, 0.015);
  const open = evidence('latency', -0.01, 0.04);
  const harm = evidence('crash', 0.0123456, 0.2);
  const soak = 'soak: 3 of 24 hours';
  const rows = [
    { name: 'harm on any guardrail', guardrails: [safe, open, harm], verdict: 'harm' },
    { name: 'harm at the horizon', guardrails: [harm], atHorizon: true, verdict: 'harm' },
    { name: 'harm before the soak is over', guardrails: [harm], unmet: [soak], verdict: 'harm' },
    { name: 'safe when all are', guardrails: [safe, safe], verdict: 'safe' },
    {
      name: 'safe at the horizon when all are',
      guardrails: [safe],
      atHorizon: true,
      verdict: 'safe',
    },
    { name: 'continue while one is open', guardrails: [safe, open], verdict: 'continue' },
    {
      name: 'hold when one is open at the horizon',
      guardrails: [safe, open],
      atHorizon: true,
      verdict: 'hold',
    },
    { name: 'continue during the soak', guardrails: [safe], unmet: [soak], verdict: 'continue' },
    {
      name: 'hold when the soak is not over at the horizon',
      guardrails: [safe],
      unmet: [soak],
      atHorizon: true,
      verdict: 'hold',
    },
    { name: 'continue when nothing was measured', guardrails: [], verdict: 'continue' },
    {
      name: 'hold when nothing was measured at the horizon',
      guardrails: [],
      atHorizon: true,
      verdict: 'hold',
    },
  ];
  for (const { name, guardrails, unmet = [], atHorizon = false, verdict } of rows) {
    it(`says ${name}`, () => {
      assert.equal(judgeGate({ guardrails, unmet, atHorizon }).verdict, verdict);
    });
  }

  it('records the numbers, the rule and the reason', () => {
    assert.deepEqual(judgeGate({ guardrails: [safe, harm], unmet: [], atHorizon: false }), {
      verdict: 'harm',
      rule: 'lower-above-harm',
      reason: 'crash is at least 0.01235, and more than 0.01 is harm',
      guardrails: [
        { ...safe, verdict: 'safe' },
        { ...harm, verdict: 'harm' },
      ],
    });
    const undecided = judgeGate({ guardrails: [safe, open], unmet: [soak], atHorizon: true });
    assert.equal(undecided.rule, 'undecided-at-horizon');
    assert.equal(
      undecided.reason,
      'latency may be as much as 0.04, and less than 0.02 is safe; soak: 3 of 24 hours',
    );
  });

  it('never says safe while anything is missing, whatever the evidence', () => {
    const bound = fc.double();
    const any = fc.record({
      name: fc.string(),
      margins: fc.record({ harm: bound, safe: bound }),
      interval: fc.record({ lower: bound, upper: bound }),
    });
    const gates = fc.record({
      guardrails: fc.array(any, { maxLength: 4 }),
      unmet: fc.array(fc.string(), { maxLength: 1 }),
      atHorizon: fc.boolean(),
    });
    fc.assert(
      fc.property(gates, (gate) => {
        const { verdict } = judgeGate(gate);
        const within = gate.guardrails.every((each) => each.interval.upper < each.margins.safe);
        const harmful = gate.guardrails.some((each) => each.interval.lower > each.margins.harm);
        const complete = gate.guardrails.length > 0 && gate.unmet.length === 0 && within;
        assert.equal(verdict === 'harm', harmful);
        assert.equal(verdict === 'safe', complete && !harmful);
        assert.equal(verdict === 'hold', gate.atHorizon && !harmful && !complete);
      }),
    );
  });
});

function evidence(name: string, lower: number, upper: number): GuardrailEvidence {
  return { name, margins, interval: { lower, upper } };
}
