import type { DeviceRecord } from '../../agent/core/state/record.js';
import { phases, type EventMessage, type Phase } from '../../protocol/messages/event.js';
import { ReportLedger } from './report-ledger.js';
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
  /** The last things that happened to it, for whoever looks for the cause of a failure. */
  readonly last: string[] = [];

  constructor(periodMs: number) {
    this.windows = new WindowLedger(periodMs);
  }

  told({ event, slot, code }: EventMessage): void {
    if (slot !== undefined && isPhase(event)) this.phase = event;
    if (code !== undefined) this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  note(line: string): void {
    this.last.push(line);
    if (this.last.length > keptLines) this.last.shift();
  }
}

const keptLines = 30;

function isPhase(event: string): event is Phase {
  return phases.some((phase) => phase === event);
}
