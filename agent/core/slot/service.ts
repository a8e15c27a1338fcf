import { codes } from '../../../protocol/codes.js';
import { CaptureStore } from '../capture/capture-store.js';
import type { SlotSettings } from '../settings.js';
import { resultMessage } from '../inference/result-message.js';
import type { Device } from '../device.js';
import type { Manifest } from '../../../protocol/documents/manifest.js';
import { DriftWatch, type DriftMark } from '../drift/drift-watch.js';
import type { LabelMessage } from '../../../protocol/messages/label.js';
import { EvidenceBook } from '../experiment/evidence-book.js';
import { EvidenceKeeper } from '../experiment/evidence-keeper.js';
import { candidateDeadlineMs, Punctuality } from '../experiment/punctuality.js';
import type { ServedWindow } from '../experiment/shadow.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import type { SampleForm } from '../../ports/sensor.js';
import { ask, type Process } from '../process.js';
import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import { checkSource, type SampleMessage } from '../update/source-fit.js';
import { patienceMs } from '../state/patience.js';
import type { CompletedWindow } from '../inference/pending-windows.js';
import { Server } from '../inference/server.js';
import { sameResize } from '../inference/window.js';
import { SlotCounters } from '../telemetry/counters.js';
import type { StoredRelease } from '../state/record.js';
import type { SlotLedger } from './ledger.js';
import { Restoration } from './restoration.js';
import { SourceWatch } from './source-watch.js';

/** Who is on trial, as far as the service is concerned. */
export interface ServiceListener {
  /** The answer of the served release is out. The values of the window are the listener's. */
  answered(window: ServedWindow): void;
  /**
   * The served release could not answer. `left` where it was on trial and the champion serves again,
   * `committing` where it is about to be the champion, `stranger` where the listener does not know it.
   */
  failed(release: LoadedRelease, rejection: Rejection): Process<'left' | 'committing' | 'stranger'>;
  /** Nothing that the source gives fits the served release; true where it was on trial, and is given up. */
  mismatched(release: LoadedRelease, rejection: Rejection): boolean;
  /** The instances of a release were made anew, or could not be. False where nobody wants it any more. */
  reloaded(before: LoadedRelease, after: LoadedRelease | undefined): boolean;
  /** Another release is the champion than before, although none was committed: what is desired is looked at anew. */
  restored(): void;
  /** By its own evidence the device is worse off with the challenger. */
  worseOff(): void;
  /** A turn is over, where the two answer in turns. */
  turned(): void;
  /** More blocks are closed, of a device that had too few. */
  caughtUp(): void;
}

/**
 * Answers the windows of a slot: from samples to published results. The champion stays loaded until its
 * successor is crowned, so that there is always a way back without waiting.
 */
export class Service {
  readonly counters = new SlotCounters();
  readonly book = new EvidenceBook();
  /** What is found out in the comparison that a policy asks for. */
  readonly evidence: EvidenceKeeper;
  /** The samples of windows on which the two differ. */
  readonly capture: CaptureStore;
  readonly #device: Device;
  readonly #ledger: SlotLedger;
  readonly #settings: SlotSettings;
  readonly #listener: ServiceListener;
  readonly #server: Server;
  readonly #watch: SourceWatch;
  #champion: LoadedRelease | undefined;
  #punctuality = new Punctuality();
  /** A release on trial that took so long that the windows behind it would have been lost. */
  #cutShort: LoadedRelease | undefined;
  /** What the source gives now. */
  #form: SampleForm = { channels: 0, sampleRateHz: undefined };
  #lastMessage: SampleMessage | undefined;
  /** The models that the last samples which fitted were for. */
  #fitted: LoadedRelease['models'] | undefined;
  readonly #restoration: Restoration;
  readonly #drift: DriftWatch | undefined;
  /** Whether a better release than what serves is on record, and cannot be loaded now. */
  #betterMayCome = false;
  /** Whether somebody is trying it again. */
  #recovering = false;

  constructor(
    device: Device,
    ledger: SlotLedger,
    settings: SlotSettings,
    listener: ServiceListener,
  ) {
    this.#device = device;
    this.#ledger = ledger;
    this.#settings = settings;
    this.#listener = listener;
    this.#restoration = new Restoration(device, ledger, settings);
    this.#watch = new SourceWatch(device, ledger, settings.source ?? {});
    this.#drift = settings.drift && new DriftWatch(device, ledger.name, settings.drift);
    const { periodMs } = settings.limits;
    this.evidence = new EvidenceKeeper(device, ledger.name, periodMs, {
      driftMark: () => this.driftMark,
      worseOff: () => {
        listener.worseOff();
      },
      turned: () => {
        listener.turned();
      },
      caughtUp: () => {
        listener.caughtUp();
      },
    });
    this.capture = new CaptureStore(device, ledger.name, settings.capture?.bytesPerDay ?? 0);
    this.#server = new Server(device.tasks, () => device.now(), periodMs, {
      deadlineMs: (release) => this.deadlineMs(release),
      answered: (release, answer, window, values) => {
        const { number, place } = window;
        this.#answered({ number, place, values, release, answer }, window);
      },
      waited: (release, values) => {
        this.#waited(release, values);
      },
      failed: (release, rejection, { number }) => this.#failed(release, rejection, number),
      crowded: (release) => {
        this.#crowded(release);
      },
      dropped: (from, to) => {
        this.#dropped(from, to);
      },
    });
  }

  /** What serves where nothing is on trial: the committed release, or what stands in for it. */
  get champion(): LoadedRelease | undefined {
    return this.#champion;
  }

  /** The committed release, where it is the champion. */
  get committed(): LoadedRelease | undefined {
    const { current } = this.#ledger.record;
    return this.#champion?.stored.manifest === current?.manifest ? this.#champion : undefined;
  }

  /** How often the champion was late since it became that, in this run of the device. */
  get punctuality(): Punctuality {
    return this.#punctuality;
  }

  /** How long a model of a release may take, in milliseconds. */
  deadlineMs(release: LoadedRelease): number {
    const { budget } = release.manifest;
    return this.#isChampion(release)
      ? budget.deadlineUs / 1000
      : candidateDeadlineMs(budget, this.#settings.limits.periodMs);
  }

  /** Whether the input has changed since the device was commissioned, and what the owner wants then. */
  get driftMark(): DriftMark {
    return this.#drift?.mark ?? 'none';
  }

  /** Devices of the fleet by the signed policy, for which false alarms are kept rare together. */
  driftFleetSize(devices: number): void {
    if (this.#drift !== undefined) this.#drift.fleetSize = devices;
  }

  /** Windows that are complete and have no answer yet. */
  get pendingWindows(): number {
    return this.#server.pending;
  }

  /** Windows that were complete since the start. */
  get completedWindows(): number {
    return this.#server.completed;
  }

  /** The device is about to stop: what waits for its answer gets none any more. */
  giveUp(): void {
    this.#server.giveUp();
  }

  /** Takes samples as they come. */
  samples(values: Float32Array): void {
    if (this.#watch.samples())
      this.#discardBegun(`silence of more than ${this.#settings.source?.gapMs} ms`);
    this.#lastMessage = { values: values.length, channels: this.#form.channels };
    const { shape, served } = this.#server;
    // A picture of another size would begin the window of the next one, and all after it would be cut.
    if (this.#settings.source?.content?.kind === 'picture' && shape !== undefined) {
      const expected = shape.frames * shape.channels;
      if (values.length !== expected) {
        const detail = `a picture of ${values.length} values, the release takes ${expected}`;
        if (!this.#isMismatch(detail)) this.samplesRefused({ code: 'picture-invalid', detail });
        return;
      }
    }
    if (shape !== undefined) this.#fitted = served?.models;
    this.#server.push(values);
  }

  /** Whether the source can give what a release takes, as far as is known by now. */
  checkSource({ pipeline }: Manifest): Result<void> {
    // The size of a picture that was resized says nothing about the source.
    const last = this.#form.resize === undefined ? this.#lastMessage : undefined;
    return checkSource(pipeline.window, this.#settings.source ?? {}, last);
  }

  /** Where nothing of the source has fitted a release on trial yet, the source is not what it was made for. */
  #isMismatch(detail: string): boolean {
    const { served } = this.#server;
    if (served === undefined || this.#isChampion(served) || served.models === this.#fitted)
      return false;
    return this.#listener.mismatched(served, { code: 'source-mismatch', detail });
  }

  /** What comes next belongs to no common window with what came before. */
  samplesInterrupted(): void {
    this.#watch.interrupted();
    this.#discardBegun('a new session with the broker, or a retained message');
  }

  samplesRefused(rejection: Rejection): void {
    // What is no sample is a sign of life, but not that nothing may be heard.
    if (codes[rejection.code].area === 'input') this.#watch.sign();
    if (rejection.code === 'source-mismatch' && this.#isMismatch(rejection.detail)) return;
    this.counters.refusedSamples++;
    this.#ledger.report('sample-refused', undefined, rejection);
  }

  /**
   * Takes the true label of a window. Of an earlier start, or after its answers were forgotten, it counts only where the two
   * releases differed on it: those windows are kept.
   */
  labelled(message: LabelMessage): Result<void> {
    const taken = this.#label(message);
    if (taken.ok) this.capture.labelled(message, message.label);
    return taken;
  }

  #label({ boot, window, label }: LabelMessage): Result<void> {
    const current = this.#device.keeper.record.boot;
    if (boot === current) {
      const taken = this.book.labelled(window, label);
      if (taken.ok) {
        this.evidence.labelled(window, label, taken.value.shadow !== undefined);
        return accept(undefined);
      }
      if (taken.rejection.code !== 'label-late') return taken;
    }
    const classes = this.#champion?.classes;
    if (classes?.has(label) === false) {
      return refuse('label-class-unknown', `${JSON.stringify(label)} is no class of the champion`);
    }
    const later = this.evidence.labelledLater({ boot, window }, label);
    if (later.ok || later.rejection.code !== 'label-window-unknown') return later;
    if (boot === current)
      return refuse('label-late', `window ${window}, and its answers are forgotten`);
    // Windows are counted anew with each start, so that the numbers of an earlier one mean others.
    return refuse('label-boot-unknown', `a window of start ${boot}, this is start ${current}`);
  }

  labelRefused(rejection: Rejection): void {
    this.counters.labelRefused(rejection.code);
    this.book.labelRefused(rejection.code);
    // MQTT may deliver a label twice (QoS 1), which is nobody's mistake.
    if (rejection.code === 'label-repeated') return;
    this.#ledger.report('label-refused', undefined, rejection);
  }

  /** Serves a release from the next inference on: a pointer swap, and the sensor in the form it wants. */
  *serve(release: LoadedRelease): Process<void> {
    yield* this.#server.serve(release);
    const { channels, sampleRateHz, resize } = release.manifest.pipeline.window;
    const form = { channels, sampleRateHz, resize };
    if (this.#isInForm(form)) return;
    this.#form = form;
    this.#watch.begin();
    this.#device.tasks.tell('openSensor', { slot: this.#ledger.name, form });
  }

  /** Whether the source gives this already. Only sound says at which rate it was taken; a file would begin anew. */
  #isInForm({ channels, sampleRateHz, resize }: SampleForm): boolean {
    const isSound = this.#settings.source?.content?.kind === 'sound';
    if (isSound && sampleRateHz !== this.#form.sampleRateHz) return false;
    return channels === this.#form.channels && sameResize(resize, this.#form.resize);
  }

  /** Makes a release the champion; gives the one that was it before. */
  crown(release: LoadedRelease): LoadedRelease | undefined {
    const before = this.#champion;
    this.#become(release);
    this.#punctuality = new Punctuality();
    this.#restoration.share(release);
    return before;
  }

  #become(champion: LoadedRelease | undefined): void {
    this.#champion = champion;
    const isFactory = champion !== undefined && this.#restoration.isFactory(champion);
    this.#ledger.factory = isFactory ? champion.stored : undefined;
  }

  /** The champion goes on under a later manifest with the same image; its instances may be new by now. */
  rename(stored: StoredRelease, manifest: Manifest): void {
    const before = this.#champion;
    if (before === undefined) return;
    this.#champion = before.under(stored, manifest);
    if (this.#server.served === before) this.#replace(this.#champion);
  }

  /** Back to the champion at once where this release is served. */
  *leave(release: LoadedRelease): Process<void> {
    if (this.#server.served !== release) return;
    this.#replace(this.#champion);
    if (this.#champion !== undefined) yield* this.serve(this.#champion);
  }

  /**
   * At the start: serves the best release that is on this device. Where a better one cannot be loaded now, it is
   * tried again for as long as it takes, and serves then.
   */
  *begin(): Process<void> {
    if (this.#drift !== undefined) this.#device.tasks.run(this.#drift.open());
    const { release, betterMayCome } = yield* this.#restoration.restore(undefined);
    if (release !== undefined) {
      this.crown(release);
      yield* this.serve(release);
    }
    if (betterMayCome) this.#device.tasks.run(this.#recover());
  }

  /** Reports a factory release that could not serve, before it has to. */
  *checkFactory(): Process<void> {
    yield* this.#restoration.checkFactory();
  }

  /** Tells where the files of what serves are gone. */
  *checkFiles(): Process<void> {
    if (this.committed !== undefined) yield* this.#restoration.checkFiles(this.committed);
  }

  /** Tries again what could not be loaded, until nothing better is to be had than what serves. */
  *#recover(): Process<void> {
    this.#betterMayCome = true;
    if (this.#recovering) return;
    this.#recovering = true;
    for (let attempt = 1; this.#betterMayCome; attempt++) {
      yield* ask('wait', { delayMs: patienceMs(attempt) });
      this.#betterMayCome = false;
      const before = this.#champion;
      const { release, betterMayCome } = yield* this.#restoration.restore(before);
      this.#betterMayCome ||= betterMayCome;
      if (release === undefined) continue;
      if (this.#champion === before) {
        yield* this.#succeed(before, release);
      } else {
        // Another was crowned meanwhile: whether anything is better than that one is looked at anew.
        this.#betterMayCome = true;
        yield* release.unload();
      }
    }
    this.#recovering = false;
    this.#listener.restored();
  }

  /** Puts a better release in the place of the champion that stood in for it, or of none. */
  *#succeed(before: LoadedRelease | undefined, release: LoadedRelease): Process<void> {
    this.crown(release);
    const { served } = this.#server;
    // A release on trial goes on serving.
    if (served === undefined || served === before) yield* this.serve(release);
    if (before === undefined) return;
    yield* this.settled();
    yield* before.unload();
  }

  /** Writes down what is to last, before the end. */
  *keep(): Process<void> {
    if (this.#drift !== undefined) yield* this.#drift.leave();
  }

  /** Waits until no inference is under way, so that an instance can be unloaded. */
  *settled(): Process<void> {
    yield* this.#server.settled();
  }

  #answered(served: ServedWindow, window: CompletedWindow): void {
    const { release, answer, number } = served;
    this.counters.answered(answer.latencyUs);
    if (this.#isChampion(release)) this.#punctuality.answered();
    this.book.served(release.stored.sequence, number, answer, release.classes);
    this.#watchInput(release, served.values);
    const { topic, encode } = this.#settings.sink;
    const { topics, settings, keeper } = this.#device;
    const message = resultMessage(release, answer, window, keeper.record.boot);
    this.#device.publish(
      'results',
      topic ?? topics.results(settings.deviceId, this.#ledger.name),
      encode === 'json' ? { json: message } : { cbor: message },
    );
    this.#listener.answered(served);
    // A turn may be over by it, and then another release is to answer.
    this.evidence.served(number, { release: release.stored, answer });
  }

  /** No answer to publish, to compare or to count for a trial; but the input was what it was. */
  #waited(release: LoadedRelease, values: Float32Array): void {
    this.counters.waits++;
    if (this.#isChampion(release)) this.#punctuality.answered();
    this.#watchInput(release, values);
  }

  #watchInput(release: LoadedRelease, values: Float32Array): void {
    this.#drift?.take(values, release.manifest.pipeline.window, this.#isChampion(release));
  }

  /** No window is lost to a release on trial: it is cut short as if its deadline had passed. */
  #crowded(release: LoadedRelease): void {
    if (this.#isChampion(release)) {
      this.#punctuality.missed();
    } else if (this.#champion !== undefined && this.#cutShort !== release) {
      this.#cutShort = release;
      this.#device.tasks.run(release.unload());
    }
  }

  /** Where what is on record cannot be loaded now, its windows are missed, and counted. */
  #replace(release: LoadedRelease | undefined): void {
    this.#server.replace(release, this.#ledger.record.current !== undefined);
  }

  *#failed(release: LoadedRelease, failure: Rejection, window: number): Process<boolean> {
    const rejection = release === this.#cutShort ? tooSlow : failure;
    this.counters.failures++;
    this.book.failed(release.stored.sequence, 'served', rejection.code);
    if (rejection.code === 'engine-deadline') this.evidence.late(release.stored);
    // Whoever answers it in the end, this one had its time.
    this.evidence.missed(window, release.stored);
    const whose = yield* this.#listener.failed(release, rejection);
    if (whose === 'left') return this.#champion !== undefined;
    const isChampion = this.#isChampion(release);
    // Withdrawn while it was answering: the window goes to whatever is served now.
    if (!isChampion && whose === 'stranger') {
      return this.#server.served !== undefined && this.#server.served !== release;
    }
    if (isChampion && rejection.code === 'engine-deadline') this.#punctuality.missed();
    this.#ledger.report('inference-failed', release.stored, rejection);
    this.#restoration.failed(release);
    // Nobody waits for its thread to end.
    this.#device.tasks.run(release.unload());
    const again = yield* this.#makeAnew(release, isChampion);
    if (this.#isChampion(release)) this.#become(again);
    else if (!this.#listener.reloaded(release, again)) {
      // Its successor was crowned meanwhile, or it was withdrawn: nobody wants it any more.
      if (again !== undefined) this.#device.tasks.run(again.unload());
      return this.#server.served !== undefined;
    }
    // Its successor may be served already, where this was the answer during which they were exchanged.
    if (this.#server.served?.models === release.models) {
      const next = again ?? this.#champion;
      this.#replace(next);
      if (next !== undefined) yield* this.serve(next);
    }
    // What fell back to its previous release still wants what the policy names.
    if (again?.stored.manifest !== release.stored.manifest) this.#listener.restored();
    return this.#server.served !== undefined;
  }

  /**
   * Loads again what has lost its instances: the champion, or a release whose commit is under way. Gives its
   * predecessor where it is the champion and cannot be loaded any more; undefined where nothing can.
   */
  *#makeAnew(release: LoadedRelease, isChampion: boolean): Process<LoadedRelease | undefined> {
    const again = isChampion ? yield* this.#restore() : yield* this.#reload(release);
    // The commit may be over by now, and then what it has replaced is the way back.
    if (again === undefined && !isChampion && this.#isChampion(release)) {
      return yield* this.#restore();
    }
    const champion = this.#champion;
    const isRenamed =
      champion?.models === release.models &&
      champion.stored.manifest !== release.stored.manifest &&
      again?.stored.manifest === release.stored.manifest;
    return isRenamed ? again.under(champion.stored, champion.manifest) : again;
  }

  /** Also where a later manifest with the same image has taken its place meanwhile. */
  #isChampion(release: LoadedRelease): boolean {
    return this.#champion?.models === release.models;
  }

  /** Loads the best release that can be had now, in place of a champion whose instances are gone. */
  *#restore(): Process<LoadedRelease | undefined> {
    const { release, betterMayCome } = yield* this.#restoration.restore(undefined);
    if (betterMayCome) this.#device.tasks.run(this.#recover());
    return release;
  }

  /** Loads a release whose commit is under way. */
  *#reload({ stored }: LoadedRelease): Process<LoadedRelease | undefined> {
    const loaded = yield* this.#restoration.load(stored);
    if (loaded.ok) return loaded.value;
    this.#device.tasks.run(this.#recover());
    return undefined;
  }

  /** Gives up the window that was begun, so that it is not made of samples from two times. */
  #discardBegun(why: string): void {
    if (!this.#server.discardBegun()) return;
    if (this.counters.gaps++ > 0) return;
    this.#ledger.report('source-gap', undefined, { code: 'source-gap', detail: why });
  }

  #dropped(from: number, to: number): void {
    const { served } = this.#server;
    for (let window = from; served !== undefined && window <= to; window++) {
      this.evidence.missed(window, served.stored);
    }
    this.counters.dropped += to - from + 1;
    const which = from === to ? `window ${from}` : `windows ${from} to ${to}`;
    this.#ledger.report('window-dropped', undefined, {
      code: 'window-dropped',
      detail: `${which} got no answer`,
    });
  }
}

const tooSlow: Rejection = {
  code: 'engine-deadline',
  detail: 'no answer while windows came faster than they could wait',
};
