import type { Code } from '../../../protocol/codes.js';
import { refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { Device } from '../device.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { ask, type Process } from '../process.js';
import type { SlotSettings } from '../settings.js';
import type { StoredRelease } from '../state/record.js';
import { imageName, manifestName } from '../store/file-names.js';
import { readManifest } from '../store/read-release.js';
import { loadRelease } from '../update/load-release.js';
import { Factory } from './factory.js';
import type { SlotLedger } from './ledger.js';

/** What was found to serve. */
export interface Restored {
  /** Undefined where nothing better than what serves already could be loaded. */
  readonly release: LoadedRelease | undefined;
  /** Whether something better is on record that cannot be had now: it is to be tried again. */
  readonly betterMayCome: boolean;
}

/**
 * What says that a release cannot be loaded at this moment: the disk does not read, the device makes no instance. Its
 * files may be whole, so that it stays on record.
 */
const passing: ReadonlySet<Code> = new Set<Code>([
  'storage-failed',
  'engine-deadline',
  'engine-gone',
  'engine-trapped',
  'engine-unavailable',
  'memory-exhausted',
]);

/**
 * What says that a release has no room within what the device allows at this moment. It had room when it was committed, so that
 * its files are no worse for it: it stays on record, and is told once.
 */
const outgrown: ReadonlySet<Code> = new Set<Code>(['arena-too-small', 'model-too-heavy']);

/** Finds the best release that a slot can serve without any network. */
export class Restoration {
  readonly #device: Device;
  readonly #ledger: SlotLedger;
  readonly #settings: SlotSettings;
  readonly #factory: Factory;
  /** The factory release, where it was loaded last. */
  #factoryRelease: LoadedRelease | undefined;
  /** Manifests of releases that could not answer in this run: their models share no thread any more. */
  readonly #failed = new Set<string>();
  /** Manifests that were reported as damaged: said once, until they are loaded again. */
  readonly #reported = new Set<string>();

  constructor(device: Device, ledger: SlotLedger, settings: SlotSettings) {
    this.#device = device;
    this.#ledger = ledger;
    this.#settings = settings;
    this.#factory = new Factory(device, ledger, settings);
  }

  /**
   * Loads what was committed, or `previous` where that cannot be loaded. What is damaged leaves the record: `previous`
   * is current then. What only cannot be had now stays there, and `previous` stands in for it. That a
   * release serves does not depend on whether this can be written down. Where there is nothing else, the factory
   * release serves, also on a device that has never heard a policy: its owner has put it there.
   *
   * @param serving what serves already: only what is better is loaded
   */
  *restore(serving: LoadedRelease | undefined): Process<Restored> {
    const { current, previous } = this.#ledger.record;
    let betterMayCome = false;
    for (const stored of [current, previous]) {
      if (stored === undefined) continue;
      if (stored.manifest === serving?.stored.manifest) {
        if (!betterMayCome) yield* this.#become(current, stored);
        return { release: undefined, betterMayCome };
      }
      const loaded: Result<LoadedRelease> = yield* this.load(stored, !betterMayCome);
      if (loaded.ok) {
        if (!betterMayCome) yield* this.#become(current, stored);
        return { release: loaded.value, betterMayCome };
      }
      const { code }: Rejection = loaded.rejection;
      betterMayCome ||= passing.has(code) || outgrown.has(code);
    }
    if (!betterMayCome) yield* this.#become(current, undefined);
    if (serving !== undefined) return { release: undefined, betterMayCome };
    const release = yield* this.#factory.load();
    this.#factoryRelease = release;
    // The last resort is tried again too: its file may be put right, and with it the clock or the keyset.
    const factoryMayCome = release === undefined && this.#factory.isNamed;
    return { release, betterMayCome: betterMayCome || factoryMayCome };
  }

  /** Whether these are the instances of the factory release. */
  isFactory(release: LoadedRelease): boolean {
    return this.#factoryRelease?.models === release.models;
  }

  /** The release could not answer. */
  failed({ stored }: LoadedRelease): void {
    this.#failed.add(stored.manifest);
  }

  /** The models of a champion may share a thread with those of other slots, unless it has failed in this run. */
  share({ stored, models }: LoadedRelease): void {
    if (this.#failed.has(stored.manifest)) return;
    for (const { handle } of models) this.#device.tasks.tell('share', { handle });
  }

  /** Reports a factory release that could not serve, before it has to. */
  *checkFactory(): Process<void> {
    yield* this.#factory.check();
  }

  /** Loads a release from disk, and says why where it cannot: what is damaged once, what is waited for if `tells`. */
  *load(stored: StoredRelease, tells = true): Process<Result<LoadedRelease>> {
    const loaded = yield* this.#load(stored);
    const { manifest } = stored;
    if (loaded.ok) this.#reported.delete(manifest);
    else if (passing.has(loaded.rejection.code)) {
      if (tells) this.#tellWaiting(stored, loaded.rejection);
    } else if (!this.#reported.has(manifest)) {
      this.#reported.add(manifest);
      this.#ledger.report('release-damaged', stored, loaded.rejection);
    }
    return loaded;
  }

  /** Reports a release that serves and whose files are gone: it is fetched again when it is loaded the next time. */
  *checkFiles({ stored, manifest }: LoadedRelease): Process<void> {
    if (this.#reported.has(stored.manifest)) return;
    const images = yield* ask('list', { folder: 'images' });
    const manifests = yield* ask('list', { folder: 'manifests' });
    if (!images.ok || !manifests.ok) return;
    const there = new Set([...images.value, ...manifests.value].map(({ name }) => name));
    const needed = [
      manifestName(stored.manifest),
      ...manifest.artifacts.map(({ digest }) => imageName(digest)),
    ];
    const missing = needed.find((name) => !there.has(name));
    if (missing === undefined) return;
    this.#reported.add(stored.manifest);
    const { rejection } = refuse('image-missing', `${missing} is not on disk any more`);
    this.#ledger.report('release-damaged', stored, rejection);
  }

  *#load(stored: StoredRelease): Process<Result<LoadedRelease>> {
    const manifest = yield* readManifest(stored);
    if (!manifest.ok) return manifest;
    const mayShare = !this.#failed.has(stored.manifest);
    return yield* loadRelease(this.#device, this.#settings, stored, manifest.value, { mayShare });
  }

  /** What is served is current from now on, or nothing is; unless another release was committed meanwhile. */
  *#become(current: StoredRelease | undefined, served: StoredRelease | undefined): Process<void> {
    if (current?.manifest === served?.manifest) return;
    yield* this.#ledger.commit((slot) =>
      slot.current?.manifest === current?.manifest
        ? { current: served, previous: undefined }
        : undefined,
    );
  }

  /** No event: a disk that fails may fail for a long time, and the log is enough for that. */
  #tellWaiting(stored: StoredRelease, rejection: Rejection): void {
    const fields = { slot: this.#ledger.name, release: stored.sequence, ...rejection };
    this.#device.tasks.tell('log', { level: 'error', event: 'release-unreadable', fields });
  }
}
