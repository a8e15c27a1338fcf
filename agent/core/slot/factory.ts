import { sameBytes, toHex } from '../../../protocol/bytes.js';
import {
  openReleaseFile,
  wrongArtifact,
  type ReleaseFile,
} from '../../../protocol/documents/release-file.js';
import { accept, refuse, type Rejection, type Result } from '../../../protocol/result.js';
import type { Device } from '../device.js';
import type { LoadedRelease } from '../inference/loaded-release.js';
import { ask, type Process } from '../process.js';
import type { SlotSettings } from '../settings.js';
import type { StoredRelease } from '../state/record.js';
import { checkAdmission, checkOffer } from '../update/admission.js';
import type { ImageReader } from '../update/load-release.js';
import { loadTestedRelease } from '../update/load-tested-release.js';
import type { SlotLedger } from './ledger.js';

/** A factory release that was found in order in this run, and may be loaded. */
interface CheckedFactory extends ReleaseFile {
  readonly stored: StoredRelease;
}

/**
 * The last resort of a slot: a release on the device's own disk that its owner names. It is verified like any other
 * and as it stands at that moment: signature, digests, floors, admission, golden vectors. It is never on record, so
 * that it neither lowers a floor nor takes the place of what was committed.
 */
export class Factory {
  readonly #device: Device;
  readonly #ledger: SlotLedger;
  readonly #settings: SlotSettings;
  /** What was reported last, so that a file that stays as it is is reported once. */
  #reported: string | undefined;

  constructor(device: Device, ledger: SlotLedger, settings: SlotSettings) {
    this.#device = device;
    this.#ledger = ledger;
    this.#settings = settings;
  }

  /** Whether the owner names a factory release for the slot. */
  get isNamed(): boolean {
    return this.#settings.factory === true;
  }

  /** Reports a file that could not serve, before it has to. */
  *check(): Process<void> {
    if (!this.isNamed) return;
    const checked = yield* this.#verify();
    if (!checked.ok) this.#report(checked.rejection);
  }

  /** Loads the release; undefined where there is none that may serve, which is reported. */
  *load(): Process<LoadedRelease | undefined> {
    if (!this.isNamed) return undefined;
    const checked = yield* this.#verify();
    const loaded = checked.ok ? yield* this.#loadTested(checked.value) : checked;
    if (loaded.ok) {
      this.#reported = undefined;
      return loaded.value;
    }
    this.#report(loaded.rejection);
    return undefined;
  }

  *#verify(): Process<Result<CheckedFactory>> {
    const { name, record } = this.#ledger;
    const { trust, settings } = this.#device;
    const bytes = yield* ask('readFactory', { slot: name });
    if (!bytes.ok) return bytes;
    const file = openReleaseFile(bytes.value);
    if (!file.ok) return file;
    const { envelope, manifest } = file.value;
    const wallMs = this.#device.believedMs();
    const signed = yield* trust.verify(envelope, 'manifest', name, wallMs);
    if (!signed.ok) return signed;
    const read = readerOf(file.value);
    for (const artifact of manifest.artifacts) {
      const bytes = yield* read(artifact);
      if (!bytes.ok) return bytes;
    }
    if (manifest.slot !== name) {
      return refuse('manifest-misplaced', `it is a release of slot ${manifest.slot}`);
    }
    const stored = {
      sequence: manifest.sequence,
      manifest: toHex(yield* ask('digest', { bytes: envelope })),
    };
    // It stands in for what is on record, and may be older than that: only the floors bound it.
    const offered = checkOffer({ ...record, current: undefined }, stored);
    if (!offered.ok) return offered;
    const { limits } = this.#settings;
    const admitted = checkAdmission(manifest, {
      settings,
      limits,
      record,
      wallMs,
      missingBytes: 0,
      freeBytes: 0,
    });
    return admitted.ok ? accept({ ...file.value, stored }) : admitted;
  }

  *#loadTested(factory: CheckedFactory): Process<Result<LoadedRelease>> {
    const { stored, manifest } = factory;
    const read = readerOf(factory);
    return yield* loadTestedRelease(this.#device, this.#settings, stored, manifest, read);
  }

  #report(rejection: Rejection): void {
    const { code, detail } = rejection;
    if (this.#reported === code) return;
    this.#reported = code;
    const told = { code, detail: `slots.${this.#ledger.name}.factory: ${detail}` };
    this.#ledger.report('factory-refused', undefined, told);
  }
}

/** Reads the artifacts of a release file, each checked against its digest. */
function readerOf({ manifest, artifacts }: ReleaseFile): ImageReader {
  return function* (artifact) {
    const bytes = artifacts[manifest.artifacts.indexOf(artifact)] ?? new Uint8Array();
    const digest = yield* ask('digest', { bytes });
    return sameBytes(digest, artifact.digest) ? accept(bytes) : wrongArtifact(artifact);
  };
}
