import { LogSketch } from '../../protocol/statistics/log-sketch.js';
import type { WindowCounts } from '../simulation/window-ledger.js';
import { arrivalShape, type KindOfArrival } from './arrivals.js';
import type { FleetRecord } from './fleet-record.js';
import type { LoopLag } from './machine-load.js';

/** What became of the devices of one process, in numbers that add up over processes. */
export interface LivePart {
  readonly seed: number;
  /** The id of the first device: parts of one report have different ones. */
  readonly first: string;
  readonly devices: number;
  /** Devices whose turn in the ramp had come. */
  readonly started: number;
  readonly seconds: number;
  /** Devices that ever had a session; of the others the code of the last attempt, and how many there are. */
  readonly connected: number;
  readonly neverConnected: Readonly<Record<string, number>>;
  /** Devices that committed a release. */
  readonly committed: number;
  /** Seconds until all were connected, and until all had committed a release; absent where not all did. */
  readonly connectedAfterS?: number;
  readonly committedAfterS?: number;
  readonly windows: WindowCounts;
  readonly messages: Readonly<Record<string, { readonly count: number; readonly bytes: number }>>;
  /** Of the messages that are numbered: published, accepted by the broker, heard by a subscriber, given up. */
  readonly arrivals: Readonly<Record<string, KindOfArrival>>;
  /** Awaited by the subscriber, and not heard. */
  readonly unheard: number;
  /** From the device that publishes to a subscriber, in bins of `arrivalShape`. */
  readonly latencyBins: Readonly<Record<string, number>>;
  readonly events: Readonly<Record<string, number>>;
  readonly processorS: number;
  readonly rssBytes: number;
  readonly loopLagMs: LoopLag;
}

/** What a part is made of, besides the record of its devices. */
export interface PartTerms {
  readonly seed: number;
  readonly seconds: number;
  readonly processorS: number;
  readonly rssBytes: number;
  readonly loopLagMs: LoopLag;
}

/** Said of a device whose first attempt was under way when the run ended. */
const waiting = 'no answer yet';

export function partOf(record: FleetRecord, terms: PartTerms): LivePart {
  const entries = [...record.entries.values()];
  const devices = entries.length;
  const never: Record<string, number> = {};
  const events: Record<string, number> = {};
  for (const { isStarted, wasConnected, code, log } of entries) {
    if (isStarted && !wasConnected) never[code ?? waiting] = (never[code ?? waiting] ?? 0) + 1;
    for (const [told, count] of log.codes) events[told] = (events[told] ?? 0) + count;
  }
  const { connectedDevices, committedDevices, connectedMs, committedMs, arrivals } = record;
  return {
    ...terms,
    first: entries[0]?.description.deviceId ?? '',
    devices,
    started: entries.filter(({ isStarted }) => isStarted).length,
    connected: connectedDevices,
    neverConnected: never,
    committed: committedDevices,
    ...(connectedDevices === devices && { connectedAfterS: (connectedMs ?? 0) / 1000 }),
    ...(committedDevices === devices && { committedAfterS: (committedMs ?? 0) / 1000 }),
    windows: record.windows(),
    messages: record.traffic.toJson(),
    arrivals: Object.fromEntries(arrivals.kinds),
    unheard: arrivals.missing,
    latencyBins: Object.fromEntries(arrivals.latencyMs.positive),
    events,
  };
}

/** Several parts as one: sums, and the latest or worst of what does not add up. */
export function joinParts(parts: readonly LivePart[]): LivePart | undefined {
  const [first, ...others] = parts;
  return first && others.reduce(joinTwo, first);
}

function joinTwo(a: LivePart, b: LivePart): LivePart {
  const allConnected = a.connectedAfterS !== undefined && b.connectedAfterS !== undefined;
  const allCommitted = a.committedAfterS !== undefined && b.committedAfterS !== undefined;
  const { connectedAfterS: aConnected = 0, committedAfterS: aCommitted = 0, ...rest } = a;
  return {
    ...rest,
    devices: a.devices + b.devices,
    started: a.started + b.started,
    seconds: Math.max(a.seconds, b.seconds),
    connected: a.connected + b.connected,
    neverConnected: add(a.neverConnected, b.neverConnected),
    committed: a.committed + b.committed,
    ...(allConnected && { connectedAfterS: Math.max(aConnected, b.connectedAfterS ?? 0) }),
    ...(allCommitted && { committedAfterS: Math.max(aCommitted, b.committedAfterS ?? 0) }),
    windows: addFields(a.windows, b.windows),
    messages: merge(a.messages, b.messages, addFields),
    arrivals: merge(a.arrivals, b.arrivals, addFields),
    unheard: a.unheard + b.unheard,
    latencyBins: add(a.latencyBins, b.latencyBins),
    events: add(a.events, b.events),
    processorS: a.processorS + b.processorS,
    rssBytes: a.rssBytes + b.rssBytes,
    loopLagMs: {
      p99: Math.max(a.loopLagMs.p99, b.loopLagMs.p99),
      most: Math.max(a.loopLagMs.most, b.loopLagMs.most),
    },
  };
}

/** Quantiles of the latency of a part, in milliseconds; undefined where nothing was heard. */
export function latencyOf({ latencyBins }: LivePart): Record<string, number> | undefined {
  const sketch = new LogSketch(arrivalShape);
  for (const [key, count] of Object.entries(latencyBins)) sketch.positive.set(Number(key), count);
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => sketch.quantile(q));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return undefined;
  return { p50, p95, p99 };
}

function merge<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  join: (a: T, b: T) => T,
): Record<string, T> {
  const all: Record<string, T> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const own = all[name];
    all[name] = own === undefined ? value : join(own, value);
  }
  return all;
}

function add(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  return merge(a, b, (x, y) => x + y);
}

/** Adds two objects of numbers, field by field. */
function addFields<T extends object>(a: T, b: T): T {
  return add(a as Record<string, number>, b as Record<string, number>) as T;
}
