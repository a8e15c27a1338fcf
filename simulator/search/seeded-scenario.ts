import { chanceOf } from '../devices/draws.js';
import { drawSwarm } from '../scenario/draw-swarm.js';
import type { Scenario } from '../scenario/scenario.js';

/** A scenario with the faults of its swarm that its seed draws, as entries of the timeline. */
export function withSwarm(scenario: Scenario): Scenario {
  const { swarm, quietMs, seed, timeline } = scenario;
  const drawn = drawSwarm(swarm, quietMs, chanceOf(seed, 'swarm'));
  const all = [...timeline, ...drawn].sort((a, b) => a.atMs - b.atMs);
  return { ...scenario, timeline: all };
}
