import type { Code } from '../../protocol/codes.js';
import type { Clause, Expectation, Term, TermValue } from '../scenario/expectation.js';
import { matches, type DeviceFacts, type Selector } from '../scenario/selector.js';
import type { DeviceEntry, FleetRecord } from './fleet-record.js';

/** What a live run cannot tell: it knows no releases, no rollout, no energy and no wear. */
export function isOfLive({ anyOf }: Expectation): boolean {
  return anyOf.every(({ term }) => isKnown(term));
}

function isKnown(term: Clause['term']): boolean {
  switch (term.kind) {
    case 'rollout':
    case 'energy.joules':
    case 'wear.max':
      return false;
    case 'share':
    case 'count':
    case 'events':
      return term.where.conditions.every(({ key }) => key !== 'release');
    case 'messages':
    case 'bytes':
      // What the operator sends is no device's.
      return term.topic !== 'blocks' && term.topic !== 'documents';
    case 'windows':
    case 'reports.missing':
      return true;
  }
}

/** What expectations ask of a live run. */
export class LiveTerms {
  readonly #record: FleetRecord;

  constructor(record: FleetRecord) {
    this.#record = record;
  }

  read(term: Term): TermValue | undefined {
    const { traffic, arrivals } = this.#record;
    switch (term.kind) {
      case 'share': {
        const on = this.#all().filter(({ isStarted }) => isStarted);
        const meant = on.filter((entry) => matches(term.where, factsOf(entry)));
        return on.length === 0 ? undefined : meant.length / on.length;
      }
      case 'count':
        return this.#select(term.where).length;
      case 'windows':
        return this.#record.windows()[term.of];
      case 'events':
        return this.#events(term.code, term.where);
      case 'messages':
        return traffic.of(term.topic).count;
      case 'bytes':
        return traffic.of(term.topic).bytes;
      case 'reports.missing': {
        const { published, accepted } = arrivals.kind('report');
        return published - accepted;
      }
      default:
        return undefined;
    }
  }

  #all(): DeviceEntry[] {
    return [...this.#record.entries.values()];
  }

  #select(where: Selector): DeviceEntry[] {
    return this.#all().filter((entry) => matches(where, factsOf(entry)));
  }

  #events(code: Code, where: Selector): number {
    return this.#select(where).reduce((sum, { log }) => sum + (log.codes.get(code) ?? 0), 0);
  }
}

function factsOf({ description, log }: DeviceEntry): DeviceFacts {
  const { deviceId, labels, profile, link, source } = description;
  const { truth } = source;
  return {
    id: deviceId,
    site: labels['site'],
    group: labels['group'],
    profile,
    class: labels['class'],
    link,
    release: undefined,
    phase: log.phase,
    condition: truth,
    labelled: truth === undefined ? 'false' : 'true',
  };
}
