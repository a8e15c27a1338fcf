import type { Vitals } from '../effect.js';
import type { SlotCounters } from './counters.js';
import type { Measurement } from '../../../protocol/messages/telemetry.js';

/** A slot as far as telemetry is concerned. */
interface MeasuredSlot {
  readonly counters: SlotCounters;
  /** Windows that were complete since the start. */
  readonly completedWindows: number;
}

/** The link to the broker, as far as telemetry is concerned. */
interface MeasuredLink {
  readonly refusedMessages: number;
  readonly skippedMessages: number;
}

/**
 * The scalar metrics of a device. Counts are totals since its start; latencies are those since the last
 * telemetry. Units are those of RFC 8428, section 12.1.
 */
export function measure(
  vitals: Vitals,
  uptimeMs: number,
  link: MeasuredLink,
  slots: ReadonlyMap<string, MeasuredSlot>,
): readonly Measurement[] {
  const dropped = Object.entries(vitals.droppedMessages);
  const measurements: Measurement[] = [
    { name: 'uptime', unit: 's', value: uptimeMs / 1000 },
    { name: 'rss', unit: 'B', value: vitals.rssBytes },
    { name: 'spool', unit: 'B', value: vitals.spoolBytes },
    {
      name: 'messages-dropped',
      unit: 'count',
      value: dropped.reduce((sum, [, count]) => sum + count, 0),
    },
    ...dropped.map(([channel, value]) => ({
      name: `messages-dropped/${channel}`,
      unit: 'count' as const,
      value,
    })),
    { name: 'messages-refused', unit: 'count', value: link.refusedMessages },
    { name: 'messages-too-large', unit: 'count', value: link.skippedMessages },
    { name: 'inputs-dropped', unit: 'count', value: vitals.droppedInputs },
    { name: 'log-lines-dropped', unit: 'count', value: vitals.droppedLogLines },
  ];
  for (const [slot, { counters, completedWindows }] of slots) {
    const count = (name: string, value: number): void => {
      measurements.push({ name: `${slot}/${name}`, unit: 'count', value });
    };
    count('windows', completedWindows);
    count('answers', counters.answers);
    if (counters.waits > 0) count('windows-waited', counters.waits);
    count('windows-dropped', counters.dropped);
    count('gaps', counters.gaps);
    count('failures', counters.failures);
    count('samples-refused', counters.refusedSamples);
    for (const [code, refused] of counters.refusedLabels) count(`labels-refused/${code}`, refused);
    const latencies = counters.takeLatencies();
    if (latencies === undefined) continue;
    const seconds = (name: string, us: number): void => {
      measurements.push({ name: `${slot}/${name}`, unit: 's', value: us / 1e6 });
    };
    seconds('latency-mean', latencies.meanUs);
    seconds('latency-max', latencies.maxUs);
  }
  return measurements;
}
