import type { Judgement } from '../verdict/judgement.js';
import type { Rollout } from './rollout.js';
import { decodeVerdict } from './verdict-file.js';
import type { StoredRecord } from './verdict-chain.js';
import { actionFor, judgementOf, noHash, type VerdictRecord } from './verdict-record.js';

/** What is wrong with a verdict: nothing, or the first thing that does not follow from what it is said to. */
export type Finding =
  'agrees' | 'missing' | 'hash' | 'unreadable' | 'order' | 'judgement' | 'action';

/** One verdict of a rollout, looked at again. */
export interface ReplayedVerdict {
  readonly number: number;
  readonly finding: Finding;
  readonly verdict: VerdictRecord | undefined;
}

/**
 * Derives every verdict of a rollout again: the judgement from the evidence, the action from the judgement, and each record's hash
 * from its bytes, back from the one that the rollout names. Whoever changes any of them must change all after it, and the rollout.
 */
export function replayVerdicts(
  { chain }: Pick<Rollout, 'chain'>,
  read: (number: number) => StoredRecord | undefined,
): readonly ReplayedVerdict[] {
  const replayed: ReplayedVerdict[] = [];
  let expected: string | undefined = chain.hash;
  for (let number = chain.length; number >= 1; number--) {
    const stored = read(number);
    const verdict = stored && decodeVerdict(stored.text);
    replayed.push({ number, finding: findingOf(number, stored, verdict, expected), verdict });
    // Behind a record that is gone or forged nothing is known of the hashes any more.
    expected = verdict?.previous;
  }
  return replayed.reverse();
}

function findingOf(
  number: number,
  stored: StoredRecord | undefined,
  verdict: VerdictRecord | undefined,
  expected: string | undefined,
): Finding {
  if (stored === undefined) return 'missing';
  if (stored.hash !== expected) return 'hash';
  if (verdict === undefined) return 'unreadable';
  if (verdict.number !== number || (number === 1) !== (verdict.previous === noHash)) return 'order';
  if (!isSame(judgementOf(verdict.evidence), verdict.judgement)) return 'judgement';
  const { inputs, judgement, action } = verdict;
  const follows = inputs.by === 'operator' || actionFor(judgement, inputs) === action;
  return follows ? 'agrees' : 'action';
}

function isSame(a: Judgement, b: Judgement): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
