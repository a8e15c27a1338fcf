import type { Channel } from '../ports/transport.js';
import type { AgentSettings } from './settings.js';
import { Commands } from './commands/commands.js';
import { Presence } from './presence.js';
import { Desired } from './desired.js';
import { removeStrayCaptures } from './capture/capture-store.js';
import type { Device } from './device.js';
import type { Effect, Input, Instant, Payload, Vitals } from './effect.js';
import { Exchange } from './exchange.js';
import { Link } from './link.js';
import { DecisionLog } from './log/decision-log.js';
import { eventMessage, type Report } from '../../protocol/messages/event.js';
import type { ReportMessage } from '../../protocol/messages/report.js';
import { stateMessage } from '../../protocol/messages/state.js';
import { limits } from '../../protocol/limits.js';
import { ask, Signal, Tasks, Turnstile, wait, thenGive, type Process } from './process.js';
import { refuse } from '../../protocol/result.js';
import { Slot } from './slot/slot.js';
import type { StoredRelease } from './state/record.js';
import { Reporter } from './report/reporter.js';
import { RecordKeeper } from './state/record-keeper.js';
import { ArtifactStore } from './store/artifact-store.js';
import { collectGarbage } from './store/garbage.js';
import { measure } from './telemetry/measure.js';
import { senmlCbor, senmlJson, senmlPack } from '../../protocol/messages/telemetry.js';
import { createTopics, type Topics } from '../../protocol/topics.js';
import { Trust } from './trust.js';

/**
 * All decisions of one device: `step(input) -> effects`, without I/O, clock or chance. A gateway and a
 * simulated device run the same one.
 */
export class Agent {
  readonly #settings: AgentSettings;
  readonly #topics: Topics;
  readonly #tasks = new Tasks();
  readonly #exchange = new Exchange(this.#tasks);
  readonly #keeper = new RecordKeeper(this.#tasks);
  readonly #log = new DecisionLog(this.#tasks);
  readonly #store: ArtifactStore;
  readonly #reporter = new Reporter(
    this.#tasks,
    () => this.#now.monotonicMs,
    (report) => {
      this.#tell(report);
    },
  );
  readonly #trust: Trust;
  readonly #link: Link;
  readonly #presence: Presence;
  readonly #desired: Desired;
  readonly #commands: Commands;
  readonly #garbage = new Turnstile();
  readonly #trusting = new Turnstile();
  readonly #slots = new Map<string, Slot>();
  #now: Instant = { wallMs: 0, monotonicMs: 0 };
  #startedMs = 0;
  /** Whether the record is read and the slots serve what they can. */
  #booted = false;
  #hasLeft = false;
  #listening = false;
  #reports = 0;
  #nextHandle = 1;

  constructor(settings: AgentSettings) {
    this.#settings = settings;
    this.#topics = createTopics(settings.prefix);
    this.#store = new ArtifactStore({
      tasks: this.#tasks,
      exchange: this.#exchange,
      topics: this.#topics,
      deviceId: settings.deviceId,
      nowMs: () => this.#now.monotonicMs,
    });
    this.#trust = new Trust();
    const device = this.#createDevice();
    this.#link = new Link(device);
    this.#presence = new Presence(device);
    this.#desired = new Desired(device, this.#slots);
    this.#commands = new Commands(device, this.#slots);
    for (const [name, slot] of settings.slots) this.#slots.set(name, new Slot(device, name, slot));
  }

  /** Windows of a slot, or of all, that are complete and have no answer yet. */
  pendingWindows(slot?: string): number {
    if (slot !== undefined) return this.#slots.get(slot)?.pendingWindows ?? 0;
    let pending = 0;
    for (const each of this.#slots.values()) pending += each.pendingWindows;
    return pending;
  }

  /** Windows of a slot that were complete since the start. */
  completedWindows(slot: string): number {
    return this.#slots.get(slot)?.completedWindows ?? 0;
  }

  /** Windows of a slot that have no answer since the start, because a model waited for more of them. */
  waitedWindows(slot: string): number {
    return this.#slots.get(slot)?.counters.waits ?? 0;
  }

  /** Windows of a slot that got no answer, since the start. */
  droppedWindows(slot: string): number {
    return this.#slots.get(slot)?.counters.dropped ?? 0;
  }

  /** Whether everything is written down that is to be before the end, after a `stopping`. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** What the broker is to publish when a session ends without a goodbye; retained. */
  will(connection: number): { readonly topic: string; readonly payload: Payload } {
    return this.#presence.message(false, connection);
  }

  /** Takes what happened, and gives what is to be done about it, in order. */
  step(input: Input): readonly Effect[] {
    this.#now = input.at;
    switch (input.kind) {
      case 'started':
        this.#startedMs = input.at.monotonicMs;
        this.#tasks.run(this.#boot());
        break;
      case 'answered':
        this.#tasks.answer(input.request, input.answer);
        break;
      case 'connected':
        this.#link.connected(input);
        this.#presence.connected(input.connection);
        this.#exchange.begin((topics) => {
          this.#link.subscribed(topics);
        });
        this.#desired.sessionBegan();
        this.#seekTrust();
        this.#publishState();
        break;
      case 'disconnected':
        this.#exchange.end();
        this.#desired.sessionEnded();
        this.#link.disconnected(input.rejection, input);
        break;
      case 'messageSkipped':
        this.#link.skipped(input);
        break;
      case 'message':
        this.#exchange.deliver(input.topic, input.payload);
        break;
      case 'samples':
        this.#slots.get(input.slot)?.samples(input.values);
        break;
      case 'samplesInterrupted':
        this.#slots.get(input.slot)?.samplesInterrupted();
        break;
      case 'samplesRefused':
        this.#slots.get(input.slot)?.samplesRefused(input.rejection);
        break;
      case 'clockJumped':
        this.#tasks.tell('log', {
          level: 'info',
          event: 'clock-jumped',
          fields: { byMs: input.byMs },
        });
        this.#seekTrust();
        this.#desired.lookAgain();
        for (const slot of this.#slots.values()) slot.clockJumped();
        break;
      case 'telemetryDue':
        this.#publishTelemetry(input.vitals);
        break;
      case 'reportsDue':
        this.#desired.checkFreshness();
        this.#publishReports();
        break;
      case 'stopping':
        for (const slot of this.#slots.values()) slot.giveUp();
        if (input.vitals !== undefined) this.#publishTelemetry(input.vitals);
        this.#publishReports();
        this.#reporter.flush();
        this.#presence.leave();
        this.#tasks.run(this.#leave());
        break;
    }
    return this.#tasks.takeEffects();
  }

  /** From storage to a running champion, without any network; then what is desired is asked for. */
  *#boot(): Process<void> {
    const found = yield* this.#keeper.open();
    if (found === 'later') {
      const { rejection } = refuse(
        'state-from-later-version',
        `agent ${this.#settings.agentVersion.join('.')} does not know this format; nothing was changed`,
      );
      this.#tasks.tell('log', { level: 'error', event: rejection.code, fields: { ...rejection } });
      this.#tasks.tell('halt', { rejection });
      return;
    }
    if (found === 'lost') {
      this.#reporter.report({
        event: 'state-lost',
        code: 'state-lost',
        reason: 'both copies of the state record are damaged',
      });
    }
    const counted = yield* this.#keeper.countStart(found);
    if (!counted.ok) {
      const { code, detail } = counted.rejection;
      this.#reporter.report({ event: 'state-not-saved', code, reason: detail });
    }
    this.#presence.booted(this.#keeper.record.boot);
    this.#tasks.run(this.#log.open());
    // What a wrong clock refuses now is looked at again later; a factory release needs the keyset at once.
    yield* this.#trust.open(this.#settings.keyset, this.#believedMs);
    yield* this.#bootSlots();
    this.#tasks.run(removeStrayCaptures(this.#slots));
    this.#tasks.tell('connect', {});
    for (const [name, { labelsTopic }] of this.#settings.slots) {
      if (labelsTopic !== undefined) this.#slots.get(name)?.listenToLabels(labelsTopic);
    }
    this.#publishState();
    this.#booted = true;
    this.#tasks.run(this.#watchFiles());
    for (const slot of this.#slots.values()) this.#tasks.run(slot.checkFactory());
    this.#seekTrust();
  }

  /** A keyset that a wrong clock refuses is looked at again when the clock is set, and in each session. */
  #seekTrust(): void {
    if (this.#booted) this.#tasks.run(this.#trusting.pass(this.#openTrust()));
  }

  /** Listens to what is desired as soon as the owner's keyset holds. */
  *#openTrust(): Process<void> {
    if (this.#listening) return;
    if (this.#trust.keysetVersion === 0) {
      const trusted = yield* this.#trust.open(this.#settings.keyset, this.#believedMs);
      if (!trusted.ok) {
        const { code, detail } = trusted.rejection;
        this.#reporter.report({
          event: 'document-refused',
          code,
          reason: `trust.keyset: ${detail}`,
        });
        return;
      }
    }
    this.#listening = true;
    this.#desired.listen();
    this.#commands.listen();
  }

  /** Somebody may remove the state folder, or a file in it, while the device runs. */
  *#watchFiles(): Process<void> {
    for (;;) {
      yield* ask('wait', { delayMs: limits.filesCheckMs });
      yield* this.#keeper.mend();
      for (const slot of this.#slots.values()) yield* slot.checkFiles();
    }
  }

  /** Side by side: a slot that waits for its files keeps no other from serving. */
  *#bootSlots(): Process<void> {
    const booted: Signal<void>[] = [];
    for (const slot of this.#slots.values()) {
      const end = new Signal<void>();
      booted.push(end);
      this.#tasks.run(thenGive(slot.boot(), end));
    }
    for (const end of booted) yield* wait(end);
  }

  /** An orderly end is no failure of a candidate that has not proved itself yet. */
  *#leave(): Process<void> {
    for (const slot of this.#slots.values()) yield* slot.leave();
    this.#hasLeft = true;
  }

  get #believedMs(): number {
    return Math.max(this.#now.wallMs, this.#keeper.record.timeFloorMs);
  }

  #createDevice(): Device {
    const needs = {
      named: () => this.#namedReleases(),
      isHeld: (name: string) => this.#store.isHeld(name),
      isComplete: () => this.#desired.complete,
    };
    return {
      settings: this.#settings,
      topics: this.#topics,
      tasks: this.#tasks,
      exchange: this.#exchange,
      keeper: this.#keeper,
      store: this.#store,
      trust: this.#trust,
      now: () => this.#now,
      believedMs: () => this.#believedMs,
      floorsOf: (slot) => this.#desired.floorsOf(slot),
      nextHandle: () => this.#nextHandle++,
      report: (report) => {
        this.#reporter.report(report);
      },
      publish: (channel, topic, payload, retained = false) => {
        this.#link.publish(channel, topic, payload, retained);
      },
      publishState: () => {
        this.#publishState();
      },
      publishReports: () => {
        this.#publishReports();
      },
      collectGarbage: () => {
        this.#tasks.run(this.#garbage.pass(collectGarbage(needs)));
      },
    };
  }

  #namedReleases(): readonly StoredRelease[] {
    const named = [...this.#keeper.record.slots.values()].flatMap((slot) => [
      slot.current,
      slot.previous,
      slot.candidate,
    ]);
    return named.filter((release) => release !== undefined);
  }

  #tell(report: Report): void {
    const bad = report.code !== undefined || report.event === 'beacon-missing';
    const fields = { ...report };
    this.#tasks.tell('log', { level: bad ? 'warn' : 'info', event: report.event, fields });
    this.#log.add({ t: this.#now.wallMs, ...report });
    this.#publish('events', this.#topics.events(this.#settings.deviceId), {
      json: eventMessage(report, this.#now.wallMs),
    });
  }

  #publishState(): void {
    const slots = new Map([...this.#slots].map(([name, slot]) => [name, slot.state]));
    const payload = { json: stateMessage(this.#settings, this.#keeper.record.boot, slots) };
    this.#publish('state', this.#topics.state(this.#settings.deviceId), payload, true);
  }

  #publishTelemetry(vitals: Vitals): void {
    const { deviceId } = this.#settings;
    const pack = senmlPack(
      deviceId,
      this.#now.wallMs,
      measure(vitals, this.#now.monotonicMs - this.#startedMs, this.#link, this.#slots),
    );
    const json = this.#settings.telemetry.encode === 'json';
    this.#publish(
      'telemetry',
      this.#topics.telemetry(deviceId),
      json ? { json: senmlJson(pack) } : { cbor: senmlCbor(pack) },
    );
  }

  #publishReports(): void {
    for (const slot of this.#slots.values()) {
      slot.publishEvidence();
      const evidence = slot.takeEvidence();
      if (evidence === undefined) continue;
      const report: ReportMessage = {
        t: this.#now.wallMs,
        boot: this.#keeper.record.boot,
        window: ++this.#reports,
        slot: slot.name,
        ...evidence,
      };
      this.#publish('report', this.#topics.report(this.#settings.deviceId), { cbor: report });
    }
  }

  #publish(channel: Channel, topic: string, payload: Payload, retained = false): void {
    this.#link.publish(channel, topic, payload, retained);
  }
}
