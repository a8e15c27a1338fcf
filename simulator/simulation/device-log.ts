import type { DeviceRecord } from '../../agent/core/state/record.js';
import { phases, type EventMessage, type Phase } from '../../protocol/messages/event.js';
import { ReportLedger } from './report-ledger.js';
import type { TraceEvent } from './trace.js';
import { WindowLedger } from './window-ledger.js';

/** What a run knows of one device besides what its disk says. */
export class DeviceLog {
  readonly windows: WindowLedger;
  readonly reports = new ReportLedger();
  /** The last phase of its slot that it told; undefined before the first. */
  phase: Phase | undefined;
  /** Its record, as it was looked at last. */
  record: DeviceRecord | undefined;
  /** How often it told each code. */
  readonly codes = new Map<string, number>();
  /** Sequence numbers that ever answered. */
  readonly answeredBy = new Set<number>();
  /** The last things that happened to it, in a ring. */
  readonly #last: TraceEvent[] = [];
  #noted = 0;

  constructor(periodMs: number) {
    this.windows = new WindowLedger(periodMs);
  }

  told({ event, slot, code }: EventMessage): void {
    if (slot !== undefined && isPhase(event)) this.phase = event;
    if (code !== undefined) this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  note(event: TraceEvent): void {
    this.#last[this.#noted++ % keptEvents] = event;
  }

  /** The last things that happened to it, for whoever looks for the cause of a failure; the oldest first. */
  last(): TraceEvent[] {
    const at = this.#noted % keptEvents;
    return [...this.#last.slice(at), ...this.#last.slice(0, at)];
  }
}

const keptEvents = 30;

function isPhase(event: string): event is Phase {
  return phases.some((phase) => phase === event);
}
