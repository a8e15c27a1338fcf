import { toHex } from '../../protocol/bytes.js';
import { parseBeacon, type Beacon, type SlotBeacon } from '../../protocol/documents/beacon.js';
import { isoTime } from '../../protocol/iso-time.js';
import { limits } from '../../protocol/limits.js';
import { isCounterJump, isJump } from '../../protocol/number-jump.js';
import { accept, refuse, type Result } from '../../protocol/result.js';
import type { Device } from './device.js';
import { wait, type Process } from './process.js';
import {
  slotOf,
  withSlot,
  type DeviceRecord,
  type Floors,
  type NamedPolicy,
  type StoredBeacon,
} from './state/record.js';

/**
 * What the newest beacon says is current. Its names bind: an older policy is refused, also by a device that has never
 * heard of a newer one. No beacon, or an expired one, stops nothing and is reported in every run.
 *
 * One stolen key locks nobody out. Numbers that jump are not written down on the word of a beacon alone, its floors bind
 * only as long as it is the newest, and what they leave on the record is met by what runs here (`Slot.raiseFloors`).
 */
export class Freshness {
  readonly #device: Device;
  /** Told when there is no more need to wait for a beacon, and when a newer one came. */
  readonly #changed: () => void;
  /** The newest that was accepted in this run. */
  #newest: Beacon | undefined;
  #cancelWait: (() => void) | undefined;
  #missingReported = false;
  /** When the beacon expired that was reported last; seconds since the epoch. */
  #staleReported = 0;
  #aheadReported = false;

  constructor(device: Device, changed: () => void) {
    this.#device = device;
    this.#changed = changed;
  }

  /** Whether the beacon of this session may still come: until then it is not known what is current. */
  get isAwaited(): boolean {
    return this.#cancelWait !== undefined;
  }

  /** A session began in which the beacon is listened to. */
  await(): void {
    this.stopWaiting();
    this.#cancelWait = this.#device.tasks.after(limits.beaconWaitMs, () => {
      this.giveUp();
    });
    this.checkExpiry();
  }

  /** The session is over before the beacon came, or it has come. */
  stopWaiting(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
  }

  /** No beacon has come in time, or none will come: the broker shows none. */
  giveUp(): void {
    if (this.#cancelWait === undefined) return;
    this.stopWaiting();
    if (!this.#missingReported) {
      this.#missingReported = true;
      const { beacon } = this.#device.keeper.record;
      const last =
        beacon === undefined ? 'none was ever heard' : `the last one was beacon ${beacon.counter}`;
      // No code: nothing was refused. A broker that has just lost its retained messages shows none either.
      this.#device.report({
        event: 'beacon-missing',
        reason: `the broker shows no beacon, so nobody confirms what is current; ${last}. \`tinylamp beacon renew\` publishes one`,
      });
    }
    this.#changed();
  }

  /** Reports a beacon that has expired, once a run and beacon: the agent runs on, but somebody may be hiding news. */
  checkExpiry(): void {
    const { expires } = this.#newest ?? this.#device.keeper.record.beacon ?? { expires: 0 };
    // A record of format 1 does not know it.
    if (expires === 0 || this.#staleReported === expires) return;
    if (this.#device.believedMs() <= expires * 1000) return;
    this.#staleReported = expires;
    this.#device.report({
      event: 'beacon-stale',
      code: 'beacon-stale',
      reason: `the beacon expired at ${isoTime(expires * 1000)}`,
    });
  }

  /** Takes a beacon, and writes down what it says for good. */
  *take(bytes: Uint8Array): Process<Result<void>> {
    const { trust, keeper } = this.#device;
    const payload = yield* trust.verify(bytes, 'beacon', undefined, this.#device.believedMs());
    if (!payload.ok) return payload;
    const parsed = parseBeacon(payload.value);
    if (!parsed.ok) return parsed;
    const beacon = parsed.value;
    const checked = this.#check(beacon);
    if (!checked.ok) return checked;
    if (this.#isNews(beacon)) {
      const kept = yield* wait(keeper.commit((record) => this.#written(beacon, record)));
      if (!kept.ok) return kept;
    }
    this.#newest = beacon;
    this.#missingReported = false;
    this.stopWaiting();
    this.#reportAhead(beacon);
    this.checkExpiry();
    this.#changed();
    return accept(undefined);
  }

  /** Whether a policy agrees with what the beacon names. */
  checkPolicy(slot: string, { version, digest }: NamedPolicy): Result<void> {
    const record = slotOf(this.#device.keeper.record, slot);
    const named = this.#named(slot) ?? record.namedPolicy;
    if (named !== undefined && version < named.version) {
      return refuse(
        'policy-outdated',
        `policy ${version}, where the beacon names policy ${named.version}`,
      );
    }
    if (named !== undefined && version === named.version && digest !== named.digest) {
      return refuse('document-conflict', `policy ${version} is not the one that the beacon names`);
    }
    const known = Math.max(record.policyVersion, record.namedPolicy?.version ?? 0);
    if (!isJump(known, version) || this.confirms(slot, { version, digest })) {
      return accept(undefined);
    }
    return refuse('number-jump', `policy ${version} after policy ${known}`);
  }

  /** Whether a beacon that was heard in this run and is still good names this policy. */
  confirms(slot: string, { version, digest }: NamedPolicy): boolean {
    const named = this.#named(slot);
    if (this.#newest === undefined || named === undefined) return false;
    if (this.#device.believedMs() > this.#newest.expires * 1000) return false;
    return named.version === version && named.digest === digest;
  }

  /** The floors that the newest beacon of this run names. */
  floorsOf(slot: string): Floors {
    return this.#newest?.slots.get(slot) ?? { promotedFloor: 0, epochFloor: 0 };
  }

  #named(slot: string): NamedPolicy | undefined {
    const named = this.#newest?.slots.get(slot);
    return named && namedBy(named);
  }

  #check(beacon: Beacon): Result<void> {
    const { settings, keeper } = this.#device;
    const { record } = keeper;
    const { counter } = beacon;
    const known = record.beacon ?? { counter: 0, issued: 0 };
    if (counter < known.counter) {
      return refuse('beacon-replayed', `beacon ${counter} after beacon ${known.counter}`);
    }
    if (record.beacon?.counter === counter && !isSame(beacon, record.beacon)) {
      return refuse('document-conflict', `another beacon ${counter} was accepted before`);
    }
    // Its own word is not taken for the days that have passed.
    const latest = Math.floor(this.#device.believedMs() / 1000);
    if (isCounterJump(known, { counter, issued: Math.min(beacon.issued, latest) })) {
      return refuse('number-jump', `beacon ${counter} after beacon ${known.counter}`);
    }
    for (const slot of settings.slots.keys()) {
      const before = slotOf(record, slot).namedPolicy;
      const now = beacon.slots.get(slot);
      if (before === undefined || now === undefined) continue;
      if (now.policyVersion < before.version) {
        return refuse(
          'beacon-replayed',
          `beacon ${counter} names policy ${now.policyVersion} of ${slot}, after policy ${before.version}`,
        );
      }
      if (now.policyVersion === before.version && toHex(now.policy) !== before.digest) {
        return refuse(
          'document-conflict',
          `beacon ${counter} names another policy ${before.version} of ${slot} than the beacon before`,
        );
      }
    }
    return accept(undefined);
  }

  /** It comes again with each session, and is written once. */
  #isNews(beacon: Beacon): boolean {
    const { record } = this.#device.keeper;
    // A record of format 1 has only its counter.
    if (record.beacon?.counter !== beacon.counter || record.beacon.issued === 0) return true;
    return this.#provenMs(beacon.issued * 1000) > record.timeFloorMs;
  }

  #written(beacon: Beacon, record: DeviceRecord): DeviceRecord {
    const { counter, issued, expires, keysetVersion } = beacon;
    let written: DeviceRecord = {
      ...record,
      beacon: { counter, issued, expires, keysetVersion },
      timeFloorMs: Math.max(record.timeFloorMs, this.#provenMs(issued * 1000)),
    };
    for (const slot of this.#device.settings.slots.keys()) {
      const named = beacon.slots.get(slot);
      const { policyVersion, namedPolicy } = slotOf(record, slot);
      if (named === undefined) continue;
      // Believed as long as this beacon is the newest, and for good when its policy has come.
      if (isJump(Math.max(policyVersion, namedPolicy?.version ?? 0), named.policyVersion)) continue;
      written = withSlot(written, slot, { namedPolicy: namedBy(named) });
    }
    return written;
  }

  /**
   * The time that a beacon proves to have come. A clock that is right agrees with it. A clock that shows a time before
   * what is known is wrong, so the beacon is the better one; but no time after the end of the keyset is believed, or a
   * stolen key could end it. Where a clock that may be right is behind the beacon, nothing is proved.
   */
  #provenMs(issuedMs: number): number {
    const { wallMs } = this.#device.now();
    if (issuedMs <= wallMs + limits.beaconAheadMs) return issuedMs;
    return this.#clockIsWrong ? Math.min(issuedMs, this.#device.trust.expiresMs) : 0;
  }

  get #clockIsWrong(): boolean {
    const { keeper } = this.#device;
    return this.#device.now().wallMs < Math.max(keeper.record.timeFloorMs, limits.earliestWallMs);
  }

  #reportAhead({ counter, issued }: Beacon): void {
    const ahead = issued * 1000 > this.#device.believedMs() + limits.beaconAheadMs;
    if (!ahead || this.#aheadReported) return;
    this.#aheadReported = true;
    this.#device.report({
      event: 'beacon-ahead',
      code: 'beacon-ahead',
      reason: `beacon ${counter} was issued at ${isoTime(issued * 1000)}, here it is ${isoTime(this.#device.believedMs())}`,
    });
  }
}

function namedBy({ policyVersion, policy }: SlotBeacon): NamedPolicy {
  return { version: policyVersion, digest: toHex(policy) };
}

/** Whether two beacons with the same counter are one, as far as the record tells. */
function isSame(beacon: Beacon, stored: StoredBeacon): boolean {
  if (stored.issued === 0) return true;
  const { issued, expires, keysetVersion } = beacon;
  return (
    issued === stored.issued && expires === stored.expires && keysetVersion === stored.keysetVersion
  );
}
