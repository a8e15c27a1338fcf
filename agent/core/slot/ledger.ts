import type { Incident, Phase } from '../../../protocol/messages/event.js';
import { codes } from '../../../protocol/codes.js';
import type { Device } from '../device.js';
import type { SlotState } from '../../../protocol/messages/state.js';
import { wait, type Process } from '../process.js';
import { refuse, type Rejection, type Result } from '../../../protocol/result.js';
import { slotOf, withSlot, type SlotRecord, type StoredRelease } from '../state/record.js';

/** What one slot has on record, and what it tells of itself. */
export class SlotLedger {
  readonly name: string;
  readonly #device: Device;
  /** What became of the last offer, for the reported state. */
  #last: Omit<SlotState, 'current' | 'previous' | 'candidate' | 'factory'> = {};
  #factory: StoredRelease | undefined;
  /**
   * Whether the signed policy lets the device stay with what went before the promoted release: then the floor of the beacon,
   * which is that of the others, does not bind it.
   */
  staysBehind = false;

  constructor(device: Device, name: string) {
    this.#device = device;
    this.name = name;
  }

  /** Which factory release serves, if one does: part of the state, and reported at its beginning. */
  set factory(release: StoredRelease | undefined) {
    if (release?.manifest === this.#factory?.manifest) return;
    this.#factory = release;
    if (release !== undefined) {
      const { rejection } = refuse('factory-serving', 'nothing that was committed can be loaded');
      this.report('factory-serving', release, rejection);
    }
    this.#device.publishState();
  }

  get record(): SlotRecord {
    return slotOf(this.#device.keeper.record, this.name);
  }

  /** The same with the floors that the beacon names: what offers are judged by. */
  get bounds(): SlotRecord {
    const { record } = this;
    if (this.staysBehind) return record;
    const { promotedFloor, epochFloor } = this.#device.floorsOf(this.name);
    return {
      ...record,
      sequenceFloor: Math.max(record.sequenceFloor, promotedFloor),
      epochFloor: Math.max(record.epochFloor, epochFloor),
    };
  }

  /** What the device reports of the slot. */
  get state(): SlotState {
    const { current, previous, candidate } = this.record;
    return {
      ...(current && { current: current.sequence }),
      ...(previous && { previous: previous.sequence }),
      ...(candidate && { candidate: candidate.sequence }),
      ...(this.#factory && { factory: this.#factory.sequence }),
      ...this.#last,
    };
  }

  /**
   * Changes the slot's record durably. Other changes may be written first: `change` is given what stands then,
   * and decides by that; with undefined nothing is written.
   */
  *commit(change: (slot: SlotRecord) => Partial<SlotRecord> | undefined): Process<Result<void>> {
    const { keeper } = this.#device;
    return yield* wait(
      keeper.commit((record) => {
        const changed = change(slotOf(record, this.name));
        return changed === undefined ? record : withSlot(record, this.name, changed);
      }),
    );
  }

  /** A release has entered a phase: reported, and part of the state from now on. */
  note(release: StoredRelease, phase: Phase, rejection?: Rejection): void {
    this.#last = {
      phase,
      release: release.sequence,
      ...(rejection && {
        code: rejection.code,
        reason: rejection.detail,
        remedy: codes[rejection.code].remedy,
      }),
    };
    this.report(phase, release, rejection);
    this.#device.publishState();
  }

  report(event: Phase | Incident, release: StoredRelease | undefined, rejection?: Rejection): void {
    this.#device.report({
      event,
      slot: this.name,
      ...(release && { release: release.sequence }),
      ...(rejection && { code: rejection.code, reason: rejection.detail }),
    });
  }
}
