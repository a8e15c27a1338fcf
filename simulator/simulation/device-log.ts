import { isPhase, type EventMessage, type Phase } from '../../protocol/messages/event.js';
import { ReportLedger } from './report-ledger.js';
import { WindowLedger } from './window-ledger.js';

/** What a run knows of one device besides what its disk says. */
export class DeviceLog {
  readonly windows: WindowLedger;
  readonly reports = new ReportLedger();
  /** The last phase of its slot that it told; undefined before the first. */
  phase: Phase | undefined;
  /** How often it told each code. */
  readonly codes = new Map<string, number>();
  /** Sequence numbers that ever answered. */
  readonly answeredBy = new Set<number>();
  /** Lines of the event log about it, in a ring. */
  readonly #last: string[] = [];
  #noted = 0;

  constructor(periodMs: number) {
    this.windows = new WindowLedger(periodMs);
  }

  told({ event, slot, code }: EventMessage): void {
    if (slot !== undefined && isPhase(event)) this.phase = event;
    if (code !== undefined) this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  note(line: string): void {
    this.#last[this.#noted++ % keptEvents] = line;
  }

  /** The last things that happened to it, for whoever looks for the cause of a failure; the oldest first. */
  last(): string[] {
    const at = this.#noted % keptEvents;
    return [...this.#last.slice(at), ...this.#last.slice(0, at)];
  }
}

const keptEvents = 30;
