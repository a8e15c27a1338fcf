import { codes } from '../codes.js';
import type { Report } from '../device.js';

/** What is published about a phase change or a refusal. */
export type EventMessage = Report & {
  /** The device's wall clock, in milliseconds since the epoch. */
  readonly t: number;
  /** What can be done about it, from the one table; with a code only. */
  readonly remedy?: string;
};

export function eventMessage(report: Report, wallMs: number): EventMessage {
  const { code } = report;
  return { t: wallMs, ...report, ...(code !== undefined && { remedy: codes[code].remedy }) };
}
