import { fromHex, toHex } from '../../protocol/bytes.js';
import type { ComparisonName } from '../../protocol/assignment/comparison.js';
import type { Code } from '../../protocol/codes.js';
import { limits } from '../../protocol/limits.js';
import type { Evidence } from '../../protocol/messages/evidence.js';
import type { Crypto } from '../../agent/ports/crypto.js';
import { parseReport, type DeviceEvent, type DeviceState } from '../fleet/device-messages.js';
import { DeviceModel } from '../fleet/device-model.js';
import { reportedSureness, type Sureness } from './champion-sureness.js';
import { speaksAboutModel } from './about-the-model.js';
import type { DeviceMessage } from '../fleet/device-message.js';
import type { Keyring } from './keyring.js';
import { readEvidence } from './received-evidence.js';
import type { RefusedLabel, Rollout } from './rollout.js';

/** What is known of one device by what it has said. Its size does not depend on how much that was. */
export interface KnownDevice {
  /** What it says of itself. */
  readonly model: DeviceModel;
  evidence: Evidence | undefined;
  /** The lives of its evidence, the newest last. */
  lives: readonly string[];
  /** Why it gave the challenger up, where that speaks about the model. */
  failure: string | undefined;
  /** Evidence that was not believed, and why it was not the last time. */
  refused: number;
  refusedBecause: Code | undefined;
  /** Why a true label was not used, the last time that one was not. */
  labelRefused: RefusedLabel | undefined;
  /** How sure the champion has been there; known only where there is something to compare it with. */
  sureness: Sureness | undefined;
  /** Evidence that came before its key was known. */
  waiting: Uint8Array | undefined;
}

/** A device that has not said a word. */
function unheard(before: Pick<KnownDevice, 'lives' | 'failure'>): KnownDevice {
  return {
    ...before,
    model: new DeviceModel(),
    evidence: undefined,
    refused: 0,
    refusedBecause: undefined,
    labelRefused: undefined,
    sureness: undefined,
    waiting: undefined,
  };
}

/** A device that loses its state again and again is known by its last lives. */
const mostLives = 16;

/**
 * What the devices of a rollout have said, by constant work a message. What they keep on the broker says all there is to know
 * after any absence: the greatest revision of the newest life is the evidence, so that nothing depends on loss or order.
 */
export class RolloutFleet {
  readonly #slot: string;
  readonly #challenger: number;
  readonly #asksSureness: boolean;
  readonly #comparison: ComparisonName;
  readonly #crypto: Pick<Crypto, 'verifyEd25519'>;
  readonly #keyring: Keyring;
  readonly #devices = new Map<string, KnownDevice>();

  constructor(rollout: Rollout, crypto: Pick<Crypto, 'verifyEd25519'>, keyring: Keyring) {
    const { slot, champion, challenger, salt, roster, enrolled, failed, lives } = rollout;
    this.#slot = slot;
    this.#asksSureness = rollout.reference !== undefined;
    this.#challenger = challenger.sequence;
    this.#comparison = {
      champion: { ...champion, manifest: fromHex(champion.manifest) },
      challenger: { ...challenger, manifest: fromHex(challenger.manifest) },
      salt: fromHex(salt),
    };
    this.#crypto = crypto;
    this.#keyring = keyring;
    const own = <T>(record: Readonly<Record<string, T>>, id: string): T | undefined =>
      Object.hasOwn(record, id) ? record[id] : undefined;
    for (const { deviceId } of [...roster, ...enrolled]) {
      const before = { lives: own(lives, deviceId) ?? [], failure: own(failed, deviceId) };
      this.#devices.set(deviceId, unheard(before));
    }
  }

  /** A device is enrolled while the rollout goes on: what it says is taken from now on. */
  admit(deviceId: string): void {
    if (this.#devices.has(deviceId)) return;
    this.#devices.set(deviceId, unheard({ lives: [], failure: undefined }));
  }

  /** The operator believes another key of some devices: those that have named theirs are met again. */
  meetAgain(): void {
    for (const [deviceId, device] of this.#devices) {
      const key = device.model.state?.key;
      if (key !== undefined && this.#keyring.find(deviceId) === undefined)
        this.#meet(deviceId, device, key);
    }
  }

  /** By id, in the order of the roster. */
  get devices(): ReadonlyMap<string, Readonly<KnownDevice>> {
    return this.#devices;
  }

  /** The release that is committed on a device in the slot, as it says; undefined where none is. */
  currentOf({ model }: Readonly<KnownDevice>): number | undefined {
    return model.state?.slots.get(this.#slot)?.current;
  }

  /**
   * Takes a message; one of a device that is not enrolled says nothing.
   *
   * @param isLive whether it was sent just now, and not kept by the broker
   */
  take(deviceId: string, heard: DeviceMessage, isLive: boolean, monotonicMs: number): void {
    const device = this.#devices.get(deviceId);
    if (device === undefined) return;
    // The broker speaks for a device that is gone.
    if (isLive && heard.channel !== 'presence') device.model.heard(monotonicMs);
    switch (heard.channel) {
      case 'presence':
        device.model.takePresence(heard.message);
        return;
      case 'state':
        this.#takeState(deviceId, device, heard.message);
        return;
      case 'events':
        if (heard.message.slot !== this.#slot) return;
        this.#takeFailure(device, heard.message.event, heard.message);
        takeLabelRefused(device, heard.message);
        return;
      case 'evidence':
        if (heard.slot === this.#slot) this.#takeEvidence(deviceId, device, heard.envelope);
        return;
      case 'report':
        if (this.#asksSureness) takeSureness(device, heard.payload, this.#slot, this.#comparison);
        return;
    }
  }

  #takeState(deviceId: string, device: KnownDevice, state: DeviceState): void {
    const { slots, key } = state;
    device.model.takeState(state);
    if (key !== undefined) this.#meet(deviceId, device, key);
    const slot = slots.get(this.#slot);
    if (slot === undefined) return;
    // Events are not retained, and the state is: it tells what happened while nobody listened.
    this.#takeFailure(device, slot.phase, slot);
  }

  /** Takes the first key that a device names; another one is nobody's until the operator says whose. */
  #meet(deviceId: string, device: KnownDevice, key: string): void {
    const known = this.#keyring.find(deviceId);
    if (known === undefined) this.#keyring.pin(deviceId, key);
    else if (known !== key) refuseDevice(device, 'device-key-changed');
    const { waiting } = device;
    device.waiting = undefined;
    if (waiting !== undefined) this.#takeEvidence(deviceId, device, waiting);
  }

  #takeFailure(
    device: KnownDevice,
    phase: string | undefined,
    { release, code }: { readonly release: number | undefined; readonly code: string | undefined },
  ): void {
    if (release !== this.#challenger || code === undefined) return;
    if (phase !== 'rejected' && phase !== 'rolled-back') return;
    if (speaksAboutModel(code)) device.failure ??= code;
  }

  #takeEvidence(deviceId: string, device: KnownDevice, envelope: Uint8Array): void {
    if (envelope.length === 0) return;
    const key = this.#keyring.find(deviceId);
    if (key === undefined) {
      // Its state is retained as well, and names its key.
      if (envelope.length <= limits.evidenceBytes) device.waiting = envelope;
      return;
    }
    const binding = { deviceId, slot: this.#slot, comparison: this.#comparison, key };
    const read = readEvidence(envelope, binding, this.#crypto);
    if (!read.ok) {
      // What is left of an earlier rollout is nobody's fault.
      if (read.rejection.code !== 'evidence-of-another') refuseDevice(device, read.rejection.code);
      return;
    }
    const evidence = read.value;
    const life = toHex(evidence.life);
    const { lives } = device;
    if (lives.at(-1) !== life) {
      if (lives.includes(life)) return;
      device.lives = [...lives, life].slice(-mostLives);
      device.evidence = evidence;
    } else if (evidence.revision > (device.evidence?.revision ?? 0)) {
      device.evidence = evidence;
    }
  }
}

/** A label in another spelling, or of a window that nobody knows: whoever gives labels should hear of it. */
function takeLabelRefused(device: KnownDevice, { event, code, reason }: DeviceEvent): void {
  if (event !== 'label-refused' || code === undefined) return;
  device.labelRefused = { code, reason: reason ?? '' };
}

/** Reports are not signed: they hold a rollout at most. */
function takeSureness(
  device: KnownDevice,
  payload: Uint8Array,
  slot: string,
  { champion }: ComparisonName,
): void {
  const report = parseReport(payload);
  if (report?.slot !== slot) return;
  device.sureness = reportedSureness(report, champion.sequence) ?? device.sureness;
}

function refuseDevice(device: KnownDevice, code: Code): void {
  device.refused++;
  device.refusedBecause = code;
}
