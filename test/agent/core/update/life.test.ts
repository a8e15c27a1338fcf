import assert from 'node:assert/strict';
import {
  phaseAfter,
  reportedPhase,
  type LifeEvent,
  type LifePhase,
} from '../../../../agent/core/update/life.js';

const events: readonly LifeEvent[] = [
  'admit',
  'adopt',
  'fetch',
  'verify',
  'test',
  'stage',
  'compare',
  'try',
  'commit',
  'complete',
  'fail',
  'pause',
  'restart',
  'reject',
  'rollBack',
  'drop',
  'lack',
  'refuse',
  'goOn',
];

const P = 'paused';
const J = 'rejected';
const R = 'rolled-back';
const D = 'dropped';
const T = 'self-tested';
const C = 'committing';
const __ = undefined;

/** Every phase with every event, in the order of the events above. */
// prettier-ignore
const matrix: Readonly<Record<LifePhase, readonly (LifePhase | undefined)[]>> = {
  //             admit       adopt fetch       verify      test stage     compare   try     commit compl.       fail    pause restart    reject rollB. drop   lack refuse goOn
  offered:       ['admitted', __,  __,         __,         __,  __,       __,       __,      __,    __,          __,      P,    __,        J,     R,     D,     'offered',  'offered',  'offered'],
  admitted:      [__,         C,   'fetching', 'verified', __,  __,       __,       __,      __,    __,          __,      P,    __,        J,     R,     D,     __, __, __],
  fetching:      [__,         __,  __,         'verified', __,  __,       __,       __,      __,    __,          __,      P,    __,        J,     R,     D,     'fetching',  'fetching',  'fetching'],
  verified:      [__,         __,  __,         __,         T,   __,       __,       __,      __,    __,          __,      P,    __,        J,     R,     D,     __, __, __],
  'self-tested': [__,         __,  __,         __,         __,  'staged', __,       __,      __,    __,          __,      P,    __,        J,     R,     D,     __, __, __],
  staged:        [__,         __,  __,         __,         __,  __,       'shadow', 'trial', __,    __,          __,      P,    __,        J,     R,     D,     __, __, __],
  shadow:        [__,         __,  __,         __,         __,  __,       __,       __,      __,    __,          __,      __,   'offered', J,     __,    D,     __, __, __],
  trial:         [__,         __,  __,         __,         __,  __,       __,       __,      C,     __,          __,      __,   'offered', __,    R,     D,     __, __, __],
  committing:    [__,         __,  __,         __,         __,  __,       __,       __,      __,    'committed', 'trial', P,    __,        __,    R,     __,     __, __, __],
  paused:        [__,         __,  __,         __,         __,  __,       __,       __,      __,    __,          __,      __,   'offered', J,     R,     D,     __, __, __],
  committed:     [__,         __,  __,         __,         __,  __,       __,       __,      __,    __,          __,      __,   __,        __,    __,    __,     __, __, __],
  'rolled-back': [__,         __,  __,         __,         __,  __,       __,       __,      __,    __,          __,      __,   __,        __,    __,    __,     __, __, __],
  rejected:      [__,         __,  __,         __,         __,  __,       __,       __,      __,    __,          __,      __,   __,        __,    __,    __,     __, __, __],
  dropped:       [__,         __,  __,         __,         __,  __,       __,       __,      __,    __,          __,      __,   __,        __,    __,    __,     __, __, __],
};
const phases = Object.keys(matrix) as LifePhase[];

describe('The life of a release', () => {
  for (const phase of phases) {
    it(`knows for each event what follows the phase ${phase}, or that it cannot happen`, () => {
      for (const [i, event] of events.entries()) {
        const next = matrix[phase][i];
        if (next === undefined) {
          assert.throws(() => phaseAfter(phase, event), /no such step/, `${phase} ${event}`);
        } else assert.equal(phaseAfter(phase, event), next, `${phase} ${event}`);
      }
    });
  }

  it('can come to each phase from its offer, and to an end from each phase', () => {
    assert.deepEqual(reachableFrom('offered'), new Set(phases));
    const ends: readonly LifePhase[] = ['committed', 'rolled-back', 'rejected', 'dropped'];
    assert.deepEqual(
      phases.filter((phase) => matrix[phase].every((next) => next === undefined)),
      ends,
    );
    for (const phase of phases) {
      assert.ok(
        ends.some((end) => reachableFrom(phase).has(end)),
        phase,
      );
    }
  });

  it('reports the phases of the way to a commit in order, and a pause as fetching', () => {
    const way: readonly LifeEvent[] = [
      ...(['pause', 'restart', 'admit', 'fetch', 'verify', 'test', 'stage', 'try'] as const),
      ...(['commit', 'fail', 'commit', 'complete'] as const),
    ];
    let phase: LifePhase = 'offered';
    const reported = way.flatMap((event) => {
      phase = phaseAfter(phase, event);
      return reportedPhase(event, phase) ?? [];
    });
    assert.deepEqual(reported, [
      ...['fetching', 'admitted', 'fetching', 'verified', 'self-tested', 'staged', 'trial'],
      'committed',
    ]);
  });

  it('reports what does not come as fetching, what is refused as rejected, and that it comes on', () => {
    for (const phase of ['offered', 'fetching'] as const) {
      const events = ['lack', 'refuse', 'goOn'] as const;
      assert.deepEqual(
        events.map((event) => reportedPhase(event, phaseAfter(phase, event))),
        ['fetching', 'rejected', 'fetching'],
      );
    }
  });
});

function reachableFrom(start: LifePhase): ReadonlySet<LifePhase> {
  const seen = new Set<LifePhase>([start]);
  for (const phase of seen) {
    for (const next of matrix[phase]) if (next !== undefined) seen.add(next);
  }
  return seen;
}
