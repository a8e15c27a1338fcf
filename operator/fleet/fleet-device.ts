import { parsePresence } from '../../protocol/messages/presence.js';
import {
  parseEvent,
  parseReport,
  parseState,
  type DeviceEvent,
  type ReportedSlot,
} from './device-messages.js';
import { DeviceModel } from './device-model.js';
import type { Arrival, FleetRow, Reception, SlotRow } from './fleet-view.js';
import { SeenWindows } from './seen-windows.js';
import { SlotEvidence } from './slot-evidence.js';

/** Slots that are kept of one device. */
const mostSlots = 64;

/** What is known of one slot beside the state of its device. */
interface SlotKnowledge {
  readonly evidence: SlotEvidence;
  event: DeviceEvent | undefined;
  lastSeen: number | undefined;
}

/** All that one device has said, merged. */
export class FleetDevice {
  readonly #deviceId: string;
  readonly #rosterLabels: Readonly<Record<string, string>> | undefined;
  readonly #seen = new SeenWindows();
  readonly #slots = new Map<string, SlotKnowledge>();
  readonly #model = new DeviceModel();
  #ignored = 0;

  /** @param rosterLabels of an enrolled device; undefined for one that is not */
  constructor(deviceId: string, rosterLabels: Readonly<Record<string, string>> | undefined) {
    this.#deviceId = deviceId;
    this.#rosterLabels = rosterLabels;
  }

  receive(arrival: Arrival): Reception {
    const reception = this.#merge(arrival);
    if (reception === 'ignored') this.#ignored++;
    else if (!arrival.retained) this.#model.heard(arrival.wallMs);
    return reception;
  }

  get row(): FleetRow {
    const { state, online, heardMs } = this.#model;
    const names = new Set([...(state?.slots.keys() ?? []), ...this.#slots.keys()]);
    return {
      deviceId: this.#deviceId,
      enrolled: this.#rosterLabels !== undefined,
      online,
      agent: state?.agent,
      // What a stratum means is the operator's to say.
      labels: this.#rosterLabels ?? state?.labels ?? {},
      lastSeen: heardMs,
      ignored: this.#ignored,
      reportsMissing: this.#seen.missing,
      slots: Object.fromEntries(
        [...names]
          .sort()
          .map((name) => [name, slotRow(state?.slots.get(name), this.#slots.get(name))]),
      ),
    };
  }

  #merge({ channel, payload, retained, wallMs }: Arrival): Reception {
    switch (channel) {
      case 'presence': {
        const presence = parsePresence(payload);
        if (presence === undefined) return 'ignored';
        return this.#model.takePresence(presence) ? 'changed' : 'unchanged';
      }
      case 'state': {
        const state = parseState(payload);
        if (state === undefined) return 'ignored';
        this.#model.takeState(state);
        return 'changed';
      }
      case 'events':
        return this.#mergeEvent(parseEvent(payload), retained ? undefined : wallMs);
      case 'report':
        return this.#mergeReport(payload, retained ? undefined : wallMs);
    }
  }

  #mergeEvent(event: DeviceEvent | undefined, seenAt: number | undefined): Reception {
    if (event === undefined) return 'ignored';
    if (event.slot === undefined) return 'unchanged';
    const slot = this.#slot(event.slot);
    if (slot === undefined) return 'ignored';
    slot.lastSeen = seenAt ?? slot.lastSeen;
    if (slot.event !== undefined && event.t < slot.event.t) return 'unchanged';
    slot.event = event;
    return 'changed';
  }

  #mergeReport(payload: Uint8Array, seenAt: number | undefined): Reception {
    const report = parseReport(payload);
    const slot = report && this.#slot(report.slot);
    if (report === undefined || slot === undefined) return 'ignored';
    slot.lastSeen = seenAt ?? slot.lastSeen;
    this.#seen.add(report.boot, report.window);
    return slot.evidence.take(report) ? 'changed' : 'unchanged';
  }

  #slot(name: string): SlotKnowledge | undefined {
    const known = this.#slots.get(name);
    if (known !== undefined || this.#slots.size >= mostSlots) return known;
    const slot = { evidence: new SlotEvidence(), event: undefined, lastSeen: undefined };
    this.#slots.set(name, slot);
    return slot;
  }
}

function slotRow(state: ReportedSlot | undefined, known: SlotKnowledge | undefined): SlotRow {
  const evidence = known?.evidence;
  const served = state?.current ?? evidence?.latestServed;
  const sums = served === undefined ? undefined : evidence?.release(served, 'served');
  const pair = evidence?.latestPair;
  const [p50, p95] = [sums?.latency.quantile(0.5), sums?.latency.quantile(0.95)];
  return {
    current: state?.current,
    previous: state?.previous,
    candidate: state?.candidate,
    phase: state?.phase,
    release: state?.release,
    code: state?.code,
    reason: state?.reason,
    agreement:
      pair === undefined || pair.windows === 0
        ? undefined
        : {
            champion: pair.champion,
            challenger: pair.challenger,
            windows: pair.windows,
            agreements: pair.agreements,
          },
    right:
      sums === undefined || sums.labelled === 0
        ? undefined
        : { labelled: sums.labelled, right: sums.right },
    labelsRefused: evidence?.labelsRefused ?? {},
    windows: sums?.windows ?? 0,
    latencyUs:
      p50 === undefined || p95 === undefined
        ? undefined
        : { p50: Math.round(p50), p95: Math.round(p95) },
    event: known?.event?.event,
    lastSeen: known?.lastSeen,
  };
}
