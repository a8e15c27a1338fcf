import type { Term, TermValue } from '../scenario/expectation.js';
import { matches, type Selector } from '../scenario/selector.js';
import { gracePeriods, sumWindows, type WindowCounts } from './window-ledger.js';
import type { RolloutLog } from './rollout-log.js';
import type { DeviceState } from './shard.js';
import type { Simulation } from './simulation.js';

/** What terms are taken from. */
export interface TermSources {
  readonly simulation: Simulation;
  readonly rollouts: ReadonlyMap<string, RolloutLog>;
  readonly periodMs: number;
  readonly reportMs: number;
  /** Until when the run has gone. */
  readonly nowMs: () => number;
  /** How all devices stand then, by their numbers. */
  readonly states: () => readonly DeviceState[];
}

/** What expectations ask of a run. */
export class Terms {
  readonly #sources: TermSources;

  constructor(sources: TermSources) {
    this.#sources = sources;
  }

  read(term: Term): TermValue | undefined {
    const { simulation, states, nowMs, reportMs } = this.#sources;
    const { traffic } = simulation;
    switch (term.kind) {
      case 'rollout':
        return this.#readRollout(term.rollout, term.of);
      case 'share': {
        const on = states().filter(({ isOn }) => isOn);
        const meant = on.filter(({ facts }) => matches(term.where, facts));
        return on.length === 0 ? undefined : meant.length / on.length;
      }
      case 'count':
        return this.#select(term.where).length;
      case 'windows':
        return this.windows()[term.of];
      case 'events':
        return this.#select(term.where).reduce(
          (sum, { number }) => sum + (simulation.logs.get(number)?.codes.get(term.code) ?? 0),
          0,
        );
      case 'messages':
        return traffic.of(term.topic).count;
      case 'bytes':
        return traffic.of(term.topic).bytes;
      case 'energy.joules':
        return this.#select(term.where).reduce((most, { joules }) => Math.max(most, joules), 0);
      case 'wear.max':
        return states().reduce((most, { mostWrites }) => Math.max(most, mostWrites), 0);
      case 'reports.missing':
        return simulation.reportsMissing(nowMs() - gracePeriods * reportMs);
    }
  }

  /** The sum over all devices of what became of their windows. */
  windows(): WindowCounts {
    const { simulation, states, nowMs, periodMs } = this.#sources;
    const counts = states().flatMap(({ number, isOn, droppedWindows, waitedWindows }) => {
      const log = simulation.logs.get(number);
      if (log === undefined) return [];
      if (isOn) log.windows.toldUnanswered(droppedWindows, waitedWindows);
      return [log.windows.counts(nowMs(), gracePeriods * periodMs)];
    });
    return sumWindows(counts);
  }

  #select(where: Selector): readonly DeviceState[] {
    return this.#sources.states().filter(({ facts }) => matches(where, facts));
  }

  #readRollout(name: string, of: Extract<Term, { kind: 'rollout' }>['of']): TermValue | undefined {
    const { simulation, rollouts, states } = this.#sources;
    const rollout = rollouts.get(name);
    if (rollout === undefined) return undefined;
    switch (of) {
      case 'ends':
        return rollout.ends;
      case 'reason':
        return rollout.reason;
      case 'served': {
        const all = [...simulation.logs.values()];
        const served = all.filter(({ answeredBy }) => answeredBy.has(rollout.sequence));
        return all.length === 0 ? 0 : served.length / all.length;
      }
      case 'stay':
        return states().filter(
          ({ isOn, current }) => isOn && current !== undefined && current < rollout.sequence,
        ).length;
      case 'wrong':
        return rollout.wrong;
    }
  }
}
