import { codes, type Code } from '../protocol/codes.js';
import { isBottleneck } from '../simulator/live/machine-load.js';
import { latencyOf, type LivePart } from '../simulator/live/summary.js';
import type { ExpectationOutcome } from '../simulator/simulation/outcome.js';
import type { ExitCode } from './command.js';
import { exitCodeOf } from './exit-code.js';
import { formatTable } from './text-table.js';

/** How a live run ends. */
export interface LiveEnd {
  readonly exit: ExitCode;
  readonly reason: string;
}

/** What documents are refused with by a device that does not know the keys of the operator. */
const wrongKeys = ['key-unknown', 'signature-invalid'] as const satisfies readonly Code[];

/** How a run exits: crash, no broker, refused, expectation missed, all held. Several: the first of these. */
export function exitOfLive(
  part: LivePart,
  crash: string | undefined,
  expectations: readonly ExpectationOutcome[],
): LiveEnd {
  if (crash !== undefined) return { exit: 12, reason: crash };
  const [code, count] = mostOf(part.neverConnected);
  if (code !== undefined) {
    const reason = `${count} of ${part.devices} devices never had a session: ${code}`;
    return { exit: code in codes && exitCodeOf(code as Code) === 4 ? 4 : 3, reason };
  }
  const refused = wrongKeys.find((each) => (part.events[each] ?? 0) > 0);
  if (part.committed === 0 && refused !== undefined) {
    const reason = `no device has a release: documents were refused with ${refused}; are these the keys of the operator?`;
    return { exit: 4, reason };
  }
  const missed = expectations.find(({ held }) => !held);
  if (missed !== undefined) {
    const value = missed.value === undefined ? 'nothing to tell' : String(missed.value);
    return { exit: 11, reason: `expected ${missed.text}; it was ${value}` };
  }
  return { exit: 0, reason: 'all held' };
}

/** The outcome for machines. */
export function reportOfLive(
  part: LivePart,
  end: LiveEnd,
  expectations: readonly ExpectationOutcome[],
): object {
  // The bins are for joining; quantiles are what they say.
  return {
    event: 'summary',
    ...end,
    ...part,
    latencyBins: undefined,
    latencyMs: latencyOf(part),
    expectations,
  };
}

/** The outcome for people. */
export function* linesOfLive(
  part: LivePart,
  end: LiveEnd,
  expectations: readonly ExpectationOutcome[],
): Generator<string> {
  const { devices, connected, committed, windows, arrivals } = part;
  const after = (seconds: number | undefined): string =>
    seconds === undefined ? '' : ` (the last after ${seconds.toFixed(1)} s)`;
  yield `${devices} devices for ${part.seconds.toFixed(0)} s, seed ${part.seed}`;
  yield `connected: ${connected}${after(part.connectedAfterS)}; committed a release: ${committed}${after(part.committedAfterS)}`;
  if (part.started < devices)
    yield `not started before the end: ${devices - part.started}; give more --seconds, or a faster --ramp`;
  for (const [code, count] of Object.entries(part.neverConnected))
    yield `never connected: ${count} (${code})`;
  const counts = Object.entries(windows).map(([name, count]) => `${count} ${name}`);
  yield `windows: ${counts.join(', ')}`;
  const rows = Object.entries(arrivals).map(([kind, each]) =>
    [kind, each.published, each.accepted, each.dropped, each.heard].map(String),
  );
  if (rows.length > 0)
    yield* formatTable(['', 'published', 'acknowledged', 'given up', 'heard'], rows);
  const latency = latencyOf(part);
  if (latency !== undefined) {
    const shown = Object.entries(latency).map(([name, ms]) => `${name} ${ms.toFixed(1)} ms`);
    yield `from device to subscriber: ${shown.join(', ')}; ${part.unheard} not heard`;
  }
  const each = (part.processorS / devices) * 1000;
  yield `this machine: ${part.processorS.toFixed(1)} s of processor time (${each.toFixed(1)} ms a device), ${Math.round(part.rssBytes / 2 ** 20)} MiB, event loop late by ${part.loopLagMs.p99} ms (p99), ${part.loopLagMs.most} ms at most`;
  if (isBottleneck(part.loopLagMs))
    yield 'this machine is the bottleneck: latencies and late windows tell of it, not of broker or agents; use fewer devices a process, or a slower --ramp';
  const expected = expectations.map(({ text, held, value }) => [
    held ? 'held' : 'not held',
    text,
    value === undefined ? '' : String(value),
  ]);
  if (expected.length > 0) yield* formatTable(['', 'expected', 'it was'], expected);
  yield `exit ${end.exit}: ${end.reason}`;
}

function mostOf(counts: Readonly<Record<string, number>>): readonly [string | undefined, number] {
  const [most] = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return most ?? [undefined, 0];
}
