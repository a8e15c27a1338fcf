import type { Device, SlotSettings } from '../device.js';
import { EvidenceBook } from '../experiment/evidence-book.js';
import type { ServedWindow } from '../experiment/shadow.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { Server, type CompletedWindow } from '../inference/server.js';
import { resultMessage } from '../messages/result.js';
import type { Process } from '../process.js';
import type { Rejection, Result } from '../result.js';
import type { StoredRelease } from '../state/record.js';
import { SlotCounters } from '../telemetry/counters.js';
import { loadRelease, readManifest } from '../update/load-release.js';
import type { SlotLedger } from './ledger.js';

/** Who is on trial, as far as the service is concerned. */
export interface ServiceListener {
  /** The answer of the served release is out. The values of the window are the listener's. */
  answered(window: ServedWindow): void;
  /** The served release could not answer. True where the listener has put another one in its place. */
  failed(release: LoadedRelease, rejection: Rejection): Process<boolean>;
  /** The instances of a release were made anew. */
  reloaded(before: LoadedRelease, after: LoadedRelease): void;
}

/**
 * Answers the windows of a slot: from samples to published results. The champion stays loaded until its
 * successor is crowned, so that there is always a way back without waiting.
 */
export class Service {
  readonly counters = new SlotCounters();
  readonly book = new EvidenceBook();
  readonly #device: Device;
  readonly #ledger: SlotLedger;
  readonly #settings: SlotSettings;
  readonly #listener: ServiceListener;
  readonly #server: Server;
  #champion: LoadedRelease | undefined;
  #channels = 0;

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
    this.#server = new Server(device.tasks, {
      answered: (release, answer, window, values) => {
        this.#answered({ number: window.number, values, release, answer }, window);
      },
      failed: (release, rejection) => this.#failed(release, rejection),
      dropped: (window) => {
        this.#dropped(window);
      },
    });
  }

  /** The committed release, loaded. */
  get champion(): LoadedRelease | undefined {
    return this.#champion;
  }

  /** Windows that are complete and have no answer yet. */
  get pendingWindows(): number {
    return this.#server.pending;
  }

  /** Windows that were complete since the start. */
  get completedWindows(): number {
    return this.#server.completed;
  }

  /** Takes samples as they come. */
  samples(values: Float32Array): void {
    this.#server.push(values, this.#device.now().wallMs);
  }

  samplesRefused(rejection: Rejection): void {
    this.counters.refusedSamples++;
    // One line for each refused message would drown the rest; telemetry has the number.
    if (this.counters.refusedSamples === 1) {
      this.#ledger.report('sample-refused', undefined, rejection);
    }
  }

  /** Serves a release from the next inference on: a pointer swap, and the sensor in the form it wants. */
  *serve(release: LoadedRelease): Process<void> {
    yield* this.#server.serve(release);
    const { channels } = release.manifest.pipeline.window;
    if (channels === this.#channels) return;
    this.#channels = channels;
    this.#device.tasks.tell('openSensor', { slot: this.#ledger.name, channels });
  }

  /** Makes a release the champion; gives the one that was it before. */
  crown(release: LoadedRelease): LoadedRelease | undefined {
    const before = this.#champion;
    this.#champion = release;
    return before;
  }

  /** The champion under a later manifest with the same image. */
  rename(release: LoadedRelease): void {
    this.#champion = release;
    this.#server.replace(release);
  }

  /** Back to the champion at once where this release is served. */
  *leave(release: LoadedRelease): Process<void> {
    if (this.#server.served !== release) return;
    this.#server.replace(this.#champion);
    if (this.#champion !== undefined) yield* this.serve(this.#champion);
  }

  /** Loads a release that is on disk. */
  *load(stored: StoredRelease): Process<Result<LoadedRelease>> {
    const manifest = yield* readManifest(stored);
    if (!manifest.ok) return manifest;
    return yield* loadRelease(this.#device, this.#settings, stored, manifest.value);
  }

  #answered(served: ServedWindow, window: CompletedWindow): void {
    const { release, answer, number } = served;
    this.counters.answered(answer.latencyUs);
    this.book.served(release.stored.sequence, number, answer);
    const { topic, encode } = this.#settings.sink;
    const { topics, settings, tasks } = this.#device;
    const message = resultMessage(release, answer, window);
    tasks.ask('publish', {
      topic: topic ?? topics.results(settings.deviceId, this.#ledger.name),
      payload: encode === 'json' ? { json: message } : { cbor: message },
      retained: false,
    });
    this.#listener.answered(served);
  }

  *#failed(release: LoadedRelease, rejection: Rejection): Process<boolean> {
    this.counters.failures++;
    this.book.failed(release.stored.sequence, 'served', rejection.code);
    if (yield* this.#listener.failed(release, rejection)) return this.#champion !== undefined;
    this.#ledger.report('inference-failed', release.stored, rejection);
    yield* release.unload();
    const loaded = yield* this.load(release.stored);
    if (!loaded.ok) {
      this.#ledger.report('release-damaged', release.stored, loaded.rejection);
      return false;
    }
    if (this.#champion?.models === release.models) this.#champion = loaded.value;
    this.#listener.reloaded(release, loaded.value);
    this.#server.replace(loaded.value);
    return true;
  }

  #dropped(window: CompletedWindow): void {
    this.counters.dropped++;
    this.#device.report({
      event: 'window-dropped',
      slot: this.#ledger.name,
      code: 'window-dropped',
      reason: `window ${window.number} got no answer`,
    });
  }
}
