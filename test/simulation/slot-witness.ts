import type { EventMessage } from '../../protocol/messages/event.js';
import type { ResultMessage } from '../../protocol/messages/result.js';
import type { SlotRecord } from '../../agent/core/state/record.js';
import { missingFiles } from './disk-files.js';
import type { WorldDevice } from './world-device.js';

/** What the witness of a device knows of its present start. */
export interface Circumstances {
  readonly device: WorldDevice;
  readonly diskFailed: boolean;
  readonly engineFailed: boolean;
}

const minuteMs = 60_000;

/** Watches one slot of one device: its answers in order, its floors, and the files that it needs. */
export class SlotWitness {
  readonly #slot: string;
  readonly #mayServe: ReadonlySet<number>;
  readonly #note: (violation: string) => void;
  /** Whether a release was committed before this start. */
  #servesFromTheStart = false;
  #lastWindow = 0;
  readonly #dropped = new Set<number>();
  /** Windows before one that was answered, with the wall clock of that. */
  readonly #unanswered = new Map<number, number>();
  /** The wall clock when it was last said that windows got no answer. */
  #dropToldMs = -Infinity;
  #floors = { policyVersion: 0, sequenceFloor: 0, epochFloor: 0 };

  /** @param mayServe good releases that a policy has named to serve: no other one may ever answer */
  constructor(slot: string, mayServe: ReadonlySet<number>, note: (violation: string) => void) {
    this.#slot = slot;
    this.#mayServe = mayServe;
    this.#note = (violation) => {
      note(`${slot}: ${violation}`);
    };
  }

  /** The device is about to start. */
  starting(device: WorldDevice): void {
    this.#servesFromTheStart = device.slotRecord(this.#slot)?.current !== undefined;
    this.#lastWindow = 0;
    this.#dropped.clear();
    this.#unanswered.clear();
    this.#dropToldMs = -Infinity;
  }

  /** Whether every burst of samples of this start must be a window of its own. */
  isServedThroughout({ diskFailed }: Circumstances): boolean {
    return this.#servesFromTheStart && !diskFailed;
  }

  /** Looks at what is on disk: floors never fall, and no file goes that is needed. */
  look(record: SlotRecord | undefined, circumstances: Circumstances): void {
    if (record === undefined) return;
    const { policyVersion, sequenceFloor, epochFloor, current, previous, candidate } = record;
    for (const name of ['policyVersion', 'sequenceFloor', 'epochFloor'] as const) {
      if (record[name] < this.#floors[name]) {
        this.#note(`${name} fell from ${this.#floors[name]} to ${record[name]}`);
      }
    }
    this.#floors = { policyVersion, sequenceFloor, epochFloor };
    if (current !== undefined && current.sequence < sequenceFloor) {
      this.#note(`release ${current.sequence} is current, below the floor ${sequenceFloor}`);
    }
    if (current === undefined && this.isServedThroughout(circumstances)) {
      this.#note('nothing is current any more');
    }
    for (const release of [current, previous, candidate]) {
      if (release === undefined) continue;
      for (const file of missingFiles(circumstances.device.disk, release)) {
        this.#note(`release ${release.sequence} is on record without ${file}`);
      }
    }
  }

  /** Looks at the slot between two happenings: whether it has taken every window since its start. */
  lookAround(circumstances: Circumstances, expectedBursts: number, wallMs: number): void {
    this.#lookAtUnanswered(wallMs);
    if (!this.isServedThroughout(circumstances)) return;
    const bursts = circumstances.device.burstsOf(this.#slot);
    if (bursts < expectedBursts) {
      this.#note(`${bursts} bursts of samples were taken instead of ${expectedBursts}`);
    }
  }

  /**
   * That a window got no answer is said, before or after the answers behind it; one cause is told once, and then
   * once a minute. Telemetry counts all.
   */
  #lookAtUnanswered(wallMs: number): void {
    for (const [window, atMs] of this.#unanswered) {
      const isTold = this.#dropped.has(window) || this.#dropToldMs >= atMs - minuteMs;
      if (!isTold && wallMs - atMs <= 2 * minuteMs) continue;
      this.#unanswered.delete(window);
      if (!isTold) this.#note(`window ${window} got no answer, and nobody was told`);
    }
  }

  /** Windows are answered in order, each once or reported as dropped, by what is allowed to answer. */
  heardResult({ window, sequence, t }: ResultMessage, now: number, about: Circumstances): void {
    if (window <= this.#lastWindow) this.#note(`window ${window} after ${this.#lastWindow}`);
    if (this.#dropped.has(window)) this.#note(`window ${window} was answered and dropped`);
    for (let between = this.#lastWindow + 1; between < window; between++) {
      this.#unanswered.set(between, now);
    }
    this.#lastWindow = window;
    if (!this.#mayServe.has(sequence)) this.#note(`release ${sequence} answered window ${window}`);
    // What was answered at this instant was allowed to answer by the record as it is on disk now.
    if (t !== now || about.diskFailed) return;
    const { current, candidate } = about.device.slotRecord(this.#slot) ?? {};
    const onTrial = candidate?.phase === 'trial' ? candidate.sequence : undefined;
    if (sequence !== current?.sequence && sequence !== onTrial) {
      this.#note(
        `release ${sequence} answered window ${window}; ${current?.sequence} is current, ${onTrial} on trial`,
      );
    }
  }

  heardEvent({ event, reason = '', release, t }: EventMessage, about: Circumstances): void {
    if (event === 'window-dropped') {
      this.#dropToldMs = t;
      const [from = NaN, to = from] = (reason.match(/\d+/g) ?? []).map(Number);
      for (let window = from; window <= to; window++) this.#dropped.add(window);
      if (!about.engineFailed && !about.diskFailed) this.#note(`for no reason: ${reason}`);
    }
    if (event === 'release-damaged' && !about.diskFailed) {
      this.#note(`release ${release} is damaged: ${reason}`);
    }
  }
}
