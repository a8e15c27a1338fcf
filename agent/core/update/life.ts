import type { Phase } from '../../../protocol/messages/event.js';

/**
 * Where a release stands on a device. Besides the phases that are reported: `paused` waits for what may pass by
 * itself, such as a full disk, and is reported as `fetching` with its code; `committing` waits for the record on
 * disk; `dropped` made room for a new offer of the same release, for another purpose.
 */
export type LifePhase = Phase | 'paused' | 'committing' | 'dropped';

/** What happens to a release on a device. */
export type LifeEvent =
  | 'admit'
  | 'adopt'
  | 'fetch'
  | 'lack'
  | 'refuse'
  | 'goOn'
  | 'verify'
  | 'test'
  | 'stage'
  | 'compare'
  | 'try'
  | 'commit'
  | 'complete'
  | 'fail'
  | 'pause'
  | 'restart'
  | 'reject'
  | 'rollBack'
  | 'drop';

/** What can come between on the way to shadow or trial. Rolled back is what was on trial before a start. */
const setbacks = {
  pause: 'paused',
  reject: 'rejected',
  rollBack: 'rolled-back',
  drop: 'dropped',
} as const;

/**
 * Documents and blocks are waited for however long it takes: nothing came, or what came is wrong and was refused, or
 * they come on. That is reported as `fetching` with a code, as `rejected`, and as `fetching`.
 */
const waits = <T extends LifePhase>(phase: T): Record<'lack' | 'refuse' | 'goOn', T> => ({
  lack: phase,
  refuse: phase,
  goOn: phase,
});

/**
 * The life of a release on a device: each phase, with what can happen in it and the phase that follows. What is
 * not in the table cannot happen.
 */
// prettier-ignore
const life: Record<LifePhase, Partial<Record<LifeEvent, LifePhase>>> = {
  offered:       { admit: 'admitted', ...waits('offered'), ...setbacks },
  // What has the running image needs no trial; what is on disk need not be fetched.
  admitted:      { adopt: 'committing', fetch: 'fetching', verify: 'verified', ...setbacks },
  fetching:      { verify: 'verified', ...waits('fetching'), ...setbacks },
  verified:      { test: 'self-tested', ...setbacks },
  'self-tested': { stage: 'staged', ...setbacks },
  staged:        { compare: 'shadow', try: 'trial', ...setbacks },

  // Both begin again with what is on disk where lost instances cannot be made anew.
  shadow:        { restart: 'offered', reject: 'rejected', drop: 'dropped' },
  trial:         { restart: 'offered', rollBack: 'rolled-back', drop: 'dropped', commit: 'committing' },

  // Nobody takes back a commit that was begun. It fails where the disk does: back to the trial, or to a pause
  // where there was none. It is rolled back where its models are lost meanwhile.
  committing:    { complete: 'committed', fail: 'trial', pause: 'paused', rollBack: 'rolled-back' },
  paused:        { restart: 'offered', reject: 'rejected', rollBack: 'rolled-back', drop: 'dropped' },

  committed:     {},
  'rolled-back': {},
  rejected:      {},
  dropped:       {},
};

/** What nobody is told: `fetching` with a code says already that another attempt follows. */
const silent: ReadonlySet<LifeEvent> = new Set(['adopt', 'commit', 'fail', 'restart', 'drop']);

/** The phase after an event. Throws where the event cannot happen: an invariant is broken. */
export function phaseAfter(phase: LifePhase, event: LifeEvent): LifePhase {
  const next = life[phase][event];
  if (next === undefined) throw new Error(`${event} in the phase ${phase}: there is no such step`);
  return next;
}

/** The phase that is reported when an event has led to one; undefined where nothing is. */
export function reportedPhase(event: LifeEvent, next: LifePhase): Phase | undefined {
  if (silent.has(event) || next === 'committing' || next === 'dropped') return undefined;
  if (event === 'refuse') return 'rejected';
  return next === 'paused' || event === 'lack' || event === 'goOn' ? 'fetching' : next;
}
