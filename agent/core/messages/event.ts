import type { Report } from '../device.js';

/** What is published about a phase change or a refusal: `{t, event, slot?, release?, code?, reason?}`. */
export type EventMessage = Report & {
  /** The device's wall clock, in milliseconds since the epoch. */
  readonly t: number;
};

export function eventMessage(report: Report, wallMs: number): EventMessage {
  return { t: wallMs, ...report };
}
