import { correlationHold } from './correlation.js';
import { missingCoverage } from './coverage.js';
import type { FleetEvidence } from './evidence.js';
import { guardrails } from './guardrails/registry.js';
import type { Finding, Judgement } from './judgement.js';
import { lookAt, type Look } from './look.js';
import { blocksOfAge } from './population.js';
import { safeSentence } from './safe-sentence.js';
import { sampleRatioHolds } from './sample-ratio.js';

/**
 * Judges one look at a rollout. Pure, and independent of the order of devices. Harm on any guardrail wins over
 * everything: a hold stops what is good and never what is bad. Safe needs every guardrail, coverage, and that
 * nothing else is open. Whoever keeps the record keeps who has left, and that harm is final for a release.
 */
export function judge(evidence: FleetEvidence): Judgement {
  const look = lookAt(evidence);
  const { terms, fleet, rounds, step, bounds } = look;
  const findings = guardrails.flatMap((guardrail): readonly Finding[] => {
    const { name, shareOfAlpha } = guardrail;
    const found = guardrail.judge(look);
    return found === undefined ? [] : [{ guardrail: name, shareOfAlpha, ...found }];
  });
  const joined = step?.served.filter(({ device }) => device.joined === true) ?? [];
  const holds = [
    ...evidence.holds,
    ...correlationHold(evidence),
    ...sampleRatioHolds(evidence.step?.arms ?? []),
  ];
  return {
    ...conclude(look, findings, holds),
    ...bounds,
    rounds: rounds.counted,
    blocks: blocksOfRounds(look),
    scope: terms.scope,
    named: [...fleet, ...joined].flatMap(({ named }) => named ?? []),
    left: rounds.left,
    leftStep: step?.rounds.left ?? [],
    holds,
    findings,
  };
}

function conclude(
  look: Look,
  findings: readonly Finding[],
  holds: readonly string[],
): Pick<Judgement, 'verdict' | 'guardrail' | 'reason'> {
  const harmful = findings.filter(({ verdict }) => verdict === 'harm');
  const [worst] = harmful;
  if (worst !== undefined) {
    const reason = harmful.map(({ reason }) => reason).join('; ');
    return { verdict: 'harm', guardrail: worst.guardrail, reason };
  }
  const undecided = findings.filter(({ verdict }) => verdict === 'not-yet');
  const open = [
    ...holds,
    ...missingCoverage(look),
    ...undecided.map(({ reason }) => reason),
    ...look.evidence.unmet,
  ];
  if (open.length > 0) {
    const [waitedFor] = undecided;
    return { verdict: 'not-yet', guardrail: waitedFor?.guardrail ?? null, reason: open.join('; ') };
  }
  const [first] = findings;
  return { verdict: 'safe', guardrail: first?.guardrail ?? null, reason: safeSentence(look) };
}

function blocksOfRounds({ terms, rounds, fleet }: Look): number {
  if (terms.scope === 'these-devices') return rounds.counted;
  const left = new Set(rounds.left.map(({ id }) => id));
  const inside = fleet.filter(({ device, named }) => !left.has(device.id) && named === undefined);
  if (rounds.counted === 0 || inside.length === 0) return 0;
  const closed = inside.map(({ blocks }) => blocksOfAge(blocks, rounds.counted));
  return closed.reduce((least, each) => Math.min(least, each));
}
