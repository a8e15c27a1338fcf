import type { FleetEvidence } from './evidence.js';

/** Up to which correlation of neighbouring windows blocks of so many windows hold, in permille. */
const limits = [
  { blockWindows: 20, permille: 800 },
  { blockWindows: 10, permille: 500 },
  { blockWindows: 5, permille: 300 },
] as const;

/** Why blocks are too short for how losses come in bursts, where the median device says so; else nothing. */
export function correlationHold({ devices, terms }: FleetEvidence): readonly string[] {
  const known = devices
    .flatMap(({ asked, present, correlation }) => (asked && present ? (correlation ?? []) : []))
    .sort((a, b) => a - b);
  const median = known[Math.floor((known.length - 1) / 2)];
  const most = limits.find(({ blockWindows }) => blockWindows <= terms.blockWindows)?.permille ?? 0;
  if (median === undefined || median <= most) return [];
  return [
    `losses come in bursts: those of neighbouring windows correlate by ${median / 1000}, and blocks of ${terms.blockWindows} windows allow ${most / 1000}; compare at longer intervals, or with longer blocks`,
  ];
}
