import type { Code } from '../../protocol/codes.js';
import type { Term, TermValue } from '../scenario/expectation.js';
import { matches, type DeviceFacts, type Selector } from '../scenario/selector.js';
import type { RolloutLog } from './rollout-log.js';
import type { SimulatedMember, Simulation } from './simulation.js';

/** What expectations and selectors ask of a run. */
export class Terms {
  readonly #simulation: Simulation;
  readonly #releases: readonly string[];
  readonly #rollouts: ReadonlyMap<string, RolloutLog>;

  /** @param releases names in the order of sequence numbers, from 1 */
  constructor(
    simulation: Simulation,
    releases: readonly string[],
    rollouts: ReadonlyMap<string, RolloutLog>,
  ) {
    this.#simulation = simulation;
    this.#releases = releases;
    this.#rollouts = rollouts;
  }

  /** What is true of a device now. */
  factsOf({ description, host, log }: SimulatedMember): DeviceFacts {
    const { labels } = description;
    const serving = servingOn(host.record);
    return {
      id: host.deviceId,
      site: labels['site'],
      group: labels['group'],
      profile: description.board.name,
      class: labels['class'],
      link: description.linkName,
      release: serving === undefined ? 'none' : this.#releases[serving - 1],
      phase: log.phase,
      condition: host.truth,
      labelled: host.truth === undefined ? 'false' : 'true',
    };
  }

  /** The devices that a selector means now, in the order of their ids. */
  select(where: Selector): SimulatedMember[] {
    return this.#all().filter((member) => matches(where, this.factsOf(member)));
  }

  read(term: Term): TermValue | undefined {
    const { traffic } = this.#simulation;
    switch (term.kind) {
      case 'rollout':
        return this.#readRollout(term.rollout, term.of);
      case 'share': {
        const on = this.#all().filter(({ host }) => host.isOn);
        const meant = on.filter((member) => matches(term.where, this.factsOf(member)));
        return on.length === 0 ? undefined : meant.length / on.length;
      }
      case 'count':
        return this.select(term.where).length;
      case 'windows':
        return this.#simulation.windows()[term.of];
      case 'events':
        return this.#events(term.code, term.where);
      case 'messages':
        return traffic.of(term.topic).count;
      case 'bytes':
        return traffic.of(term.topic).bytes;
      case 'energy.joules':
        return greatest(this.select(term.where), (member) => this.#simulation.joulesOf(member));
      case 'wear.max':
        return greatest(this.#all(), ({ wear }) => wear.mostWrites);
      case 'reports.missing':
        return this.#simulation.reportsMissing();
    }
  }

  #all(): SimulatedMember[] {
    return [...this.#simulation.members.values()];
  }

  #events(code: Code, where: Selector): number {
    return this.select(where).reduce((sum, { log }) => sum + (log.codes.get(code) ?? 0), 0);
  }

  #readRollout(name: string, of: Extract<Term, { kind: 'rollout' }>['of']): TermValue | undefined {
    const rollout = this.#rollouts.get(name);
    if (rollout === undefined) return undefined;
    switch (of) {
      case 'ends':
        return rollout.ends;
      case 'reason':
        return rollout.reason;
      case 'served': {
        const all = this.#all();
        const served = all.filter(({ log }) => log.answeredBy.has(rollout.sequence));
        return all.length === 0 ? 0 : served.length / all.length;
      }
      case 'stay':
        return this.#all().filter(({ host }) => {
          const current = host.record?.current?.sequence;
          return host.isOn && current !== undefined && current < rollout.sequence;
        }).length;
      case 'wrong':
        return rollout.wrong;
    }
  }
}

/** The sequence number of what answers on a device: what is on trial, else what is current. */
export function servingOn(record: SimulatedMember['host']['record']): number | undefined {
  const { candidate, current } = record ?? {};
  return candidate?.phase === 'trial' ? candidate.sequence : current?.sequence;
}

function greatest(
  members: readonly SimulatedMember[],
  of: (member: SimulatedMember) => number,
): number {
  return members.reduce((most, member) => Math.max(most, of(member)), 0);
}
