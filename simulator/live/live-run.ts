import type { MqttTransport } from '../../agent/adapters/mqtt/transport.js';
import type { Topics } from '../../protocol/topics.js';
import { Labeller } from '../people/labeller.js';
import { Evaluation } from '../scenario/evaluation.js';
import type { Expectation } from '../scenario/expectation.js';
import type { Labels } from '../scenario/scenario.js';
import { expectationOutcome, type ExpectationOutcome } from '../simulation/outcome.js';
import { readDisagreements } from '../simulation/follow-truth.js';
import { FleetRecord } from './fleet-record.js';
import { Listener } from './listener.js';
import { createLiveFleet, type LiveFleetOptions } from './live-fleet.js';
import { LiveTerms } from './live-terms.js';
import { measureLoad } from './machine-load.js';
import { partOf, type LivePart } from './summary.js';

export interface LiveRunOptions extends LiveFleetOptions {
  readonly seed: number;
  readonly topics: Topics;
  /** A session of its own, by which the run hears its devices as others do, and tells them the truth. */
  readonly subscriber: MqttTransport;
  /** Who tells devices the truth; nobody where it is left out. */
  readonly labels?: Labels | undefined;
  /** All classes that a wrong label may name. */
  readonly classes: readonly string[];
  readonly expectations: readonly Expectation[];
  /** When expectations are asked for the last time; without an end they are asked when the run is ended. */
  readonly durationMs: number | undefined;
  /** Called each second with how far it is. */
  readonly progress: (record: FleetRecord) => void;
}

/** What a live run gives. */
export interface LiveOutcome {
  readonly part: LivePart;
  readonly expectations: readonly ExpectationOutcome[];
}

/** Between two looks at expectations, and two words of progress. */
const lookMs = 1_000;

/** How long devices have to say goodbye, and what is on its way to arrive. */
const goodbyeMs = 2_000;

/** Runs a fleet on real sockets until `ended` resolves. */
export async function runLive(
  options: LiveRunOptions,
  ended: Promise<unknown>,
): Promise<LiveOutcome> {
  const { topics, slot, devices, seed, labels } = options;
  const beganMs = performance.now();
  const nowMs = (): number => performance.now() - beganMs;
  const exact = devices.flatMap(({ deviceId }) => [
    topics.results(deviceId, slot),
    topics.report(deviceId),
  ]);
  const listener = new Listener(options.subscriber, exact, (message) => {
    record.heard(message);
  });
  const timers = new Set<NodeJS.Timeout>();
  const labeller =
    labels &&
    new Labeller(
      labels,
      {
        seed,
        after: (delayMs, task) => {
          const timer = setTimeout(() => {
            timers.delete(timer);
            task();
          }, delayMs);
          timers.add(timer);
        },
        publish: (topic, payload) => {
          listener.send(topic, payload);
        },
      },
      options.classes,
    );
  const record: FleetRecord = new FleetRecord({
    devices,
    topics,
    slot,
    periodMs: options.periodMs,
    nowMs,
    isHeard: (topic) => listener.hears(topic),
    answered: (accepted) => {
      labeller?.heard(accepted);
    },
    disagreed: (deviceId, payload) => {
      const { log } = record.entries.get(deviceId) ?? {};
      for (const each of readDisagreements(payload)?.entries ?? [])
        labeller?.differed(deviceId, each, log?.windows.truthOf(each));
    },
  });
  const terms = new LiveTerms(record);
  const durationMs = options.durationMs ?? Infinity;
  const evaluations = options.expectations.map(
    (expectation) => new Evaluation(expectation, { durationMs, beginsMs: () => 0, lookMs }),
  );
  const countDropped = (): void => {
    for (const device of fleet.running)
      record.toldUnanswered(
        device.deviceId,
        device.droppedWindows(slot),
        device.waitedWindows(slot),
      );
  };
  const observe = (): void => {
    countDropped();
    for (const evaluation of evaluations) {
      if ((evaluation.dueMs ?? Infinity) <= nowMs())
        evaluation.observe(nowMs(), (term) => terms.read(term));
    }
  };
  const fleet = createLiveFleet({ ...options, watch: record });
  listener.open();
  const endLoad = measureLoad();
  fleet.start();
  const looking = setInterval(() => {
    observe();
    options.progress(record);
  }, lookMs);
  await ended;
  clearInterval(looking);
  const load = endLoad();
  countDropped();
  const endedMs = nowMs();
  const expectations = evaluations.map((evaluation) => {
    // Whenever a run is ended: that is its end.
    evaluation.observe(Math.max(endedMs, durationMs), (term) => terms.read(term));
    const finding = evaluation.conclude();
    return expectationOutcome(evaluation.expectation, {
      ...finding,
      atMs: Math.min(finding.atMs, endedMs),
    });
  });
  const seconds = endedMs / 1000;
  await fleet.stop(goodbyeMs);
  // What devices said last may still be on its way here.
  for (let waitedMs = 0; record.arrivals.missing > 0 && waitedMs < goodbyeMs; waitedMs += 100)
    await new Promise((resolve) => setTimeout(resolve, 100));
  for (const timer of timers) clearTimeout(timer);
  await listener.close(goodbyeMs);
  return { part: partOf(record, { seed, seconds, ...load }), expectations };
}
