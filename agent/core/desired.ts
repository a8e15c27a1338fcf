import { toHex } from '../../protocol/bytes.js';
import type { Code } from '../../protocol/codes.js';
import { BackOff } from './back-off.js';
import { assign } from '../../protocol/assignment/assign.js';
import type { Device } from './device.js';
import { DocumentBrake } from './document-brake.js';
import { parseBeacon } from '../../protocol/documents/beacon.js';
import { parsePolicy, type Policy } from '../../protocol/documents/policy.js';
import type { ReleaseRef } from '../../protocol/documents/release-ref.js';
import { limits } from '../../protocol/limits.js';
import { ask, Turnstile, wait, type Process } from './process.js';
import { accept, refuse, type Result } from '../../protocol/result.js';
import type { Slot } from './slot/slot.js';
import type { Desire } from './slot/offer.js';
import { slotOf, withSlot, type StoredRelease } from './state/record.js';

/** What is desired is retained on the broker: the policy of each slot, and the beacon over all. */
export class Desired {
  readonly #device: Device;
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #turnstile = new Turnstile();
  /** When the beacon stops being believed; undefined before the first one. */
  #beaconExpiresMs: number | undefined;
  #staleReported = false;
  /** Topics whose newest document was refused. */
  readonly #refused = new Set<string>();
  /** Topics that are asked for again in a while, with the wait that the disk makes longer. */
  readonly #askingLater = new Set<string>();
  readonly #backOff = new BackOff();
  /** Slots whose policy was dealt with in this run, or has nothing to say. */
  readonly #heard = new Set<string>();

  constructor(device: Device, slots: ReadonlyMap<string, Slot>) {
    this.#device = device;
    this.#slots = slots;
  }

  /**
   * Whether it is known what is desired of every slot. After a start without the broker it is not: a slot with a
   * policy may want what the last run was bringing in for it, which no record names yet.
   */
  get complete(): boolean {
    const { record } = this.#device.keeper;
    return [...this.#slots.keys()].every(
      (slot) => this.#heard.has(slot) || slotOf(record, slot).policyVersion === 0,
    );
  }

  /** Listens to the documents from now on, in this session and all later ones. */
  listen(): void {
    const { topics } = this.#device;
    this.#subscribe(topics.beacon(), undefined, (bytes) => this.#takeBeacon(bytes));
    for (const slot of this.#slots.values()) {
      this.#subscribe(topics.policy(slot.name), slot.name, (bytes) =>
        this.#takePolicy(slot, bytes),
      );
    }
  }

  /** What refused a document may have changed: those that were refused last are asked for again. */
  lookAgain(): void {
    for (const topic of this.#refused) this.#device.exchange.askAgain(topic);
    this.checkFreshness();
  }

  /** Reports a beacon that has expired, once: the agent runs on, but somebody may be hiding news. */
  checkFreshness(): void {
    const expiresMs = this.#beaconExpiresMs;
    if (expiresMs === undefined || this.#staleReported) return;
    if (this.#device.now().wallMs <= expiresMs) return;
    this.#staleReported = true;
    this.#device.report({
      event: 'beacon-stale',
      code: 'beacon-stale',
      reason: `the beacon expired at ${new Date(expiresMs).toISOString()}`,
    });
  }

  #subscribe(
    topic: string,
    slot: string | undefined,
    take: (bytes: Uint8Array) => Process<Result<void>>,
  ): void {
    const { exchange, tasks } = this.#device;
    const brake = new DocumentBrake(tasks, () => this.#device.now().monotonicMs, {
      take: (payload) => {
        tasks.run(this.#turnstile.pass(this.#takeOrReport(topic, take(payload), slot)));
      },
      superseded: () => {
        const reason = `documents of ${topic} come faster than they are looked at`;
        this.#report('document-refused', slot, 'document-superseded', reason);
      },
      calmed: () => {
        exchange.askAgain(topic);
      },
    });
    exchange.subscribe(topic, {
      message: (payload) => {
        // An empty retained message only says that there is none any more.
        if (payload.length > 0) brake.message(payload);
      },
      subscribed: () => {
        if (slot === undefined) return;
        // A policy that is retained follows at once; one that is gone, or is refused, wants nothing.
        tasks.after(limits.blockTimeoutMs, () => {
          if (!this.#heard.has(slot)) {
            tasks.tell('log', {
              level: 'info',
              event: 'waiting-for-policy',
              fields: { slot, topic },
            });
          }
          this.#hear(slot);
        });
      },
      refused: ({ code, detail }) => {
        this.#report('topic-refused', slot, code, detail);
      },
    });
  }

  *#takeOrReport(
    topic: string,
    taking: Process<Result<void>>,
    slot: string | undefined,
  ): Process<void> {
    const taken = yield* taking;
    if (taken.ok) {
      this.#refused.delete(topic);
      this.#backOff.reset();
      return;
    }
    this.#refused.add(topic);
    if (taken.rejection.code.startsWith('storage-')) this.#askLater(topic);
    this.#report('document-refused', slot, taken.rejection.code, taken.rejection.detail);
  }

  /** A disk that could not write a document down may have room again later. */
  #askLater(topic: string): void {
    if (this.#askingLater.has(topic)) return;
    this.#askingLater.add(topic);
    const { tasks, exchange } = this.#device;
    tasks.after(this.#backOff.nextDelayMs(), () => {
      this.#askingLater.delete(topic);
      if (this.#refused.has(topic)) exchange.askAgain(topic);
    });
  }

  *#takePolicy(slot: Slot, bytes: Uint8Array): Process<Result<void>> {
    const { trust, keeper } = this.#device;
    const payload = yield* trust.verify(bytes, 'policy', slot.name, this.#device.now().wallMs);
    if (!payload.ok) return payload;
    const policy = parsePolicy(payload.value);
    if (!policy.ok) return policy;
    const { version } = policy.value;
    if (policy.value.slot !== slot.name) {
      return refuse('policy-misplaced', `a policy of slot ${policy.value.slot} for ${slot.name}`);
    }
    const known = slotOf(keeper.record, slot.name).policyVersion;
    if (version < known) {
      return refuse('policy-replayed', `policy ${version} after policy ${known}`);
    }
    if (version > known) {
      const policyDigest = toHex(yield* ask('digest', { bytes }));
      const kept = yield* wait(
        keeper.commit((record) =>
          withSlot(record, slot.name, { policyVersion: version, policyDigest }),
        ),
      );
      if (!kept.ok) return kept;
    }
    slot.desire(desireOf(policy.value, this.#device.settings.deviceId), version);
    this.#hear(slot.name);
    return accept(undefined);
  }

  /** It is known what is desired of a slot; what was kept for it only because it was not may go. */
  #hear(slot: string): void {
    if (this.#heard.has(slot)) return;
    this.#heard.add(slot);
    this.#device.collectGarbage();
  }

  *#takeBeacon(bytes: Uint8Array): Process<Result<void>> {
    const { trust, keeper } = this.#device;
    const payload = yield* trust.verify(bytes, 'beacon', undefined, this.#device.now().wallMs);
    if (!payload.ok) return payload;
    const beacon = parseBeacon(payload.value);
    if (!beacon.ok) return beacon;
    const { counter, issued, expires, keysetVersion } = beacon.value;
    const known = keeper.record.beacon?.counter ?? 0;
    if (counter < known)
      return refuse('beacon-replayed', `beacon ${counter} after beacon ${known}`);
    if (counter > known) {
      const newest = { counter, issued, expires, keysetVersion };
      const kept = yield* wait(keeper.commit((record) => ({ ...record, beacon: newest })));
      if (!kept.ok) return kept;
    }
    this.#beaconExpiresMs = expires * 1000;
    this.#staleReported = false;
    this.checkFreshness();
    return accept(undefined);
  }

  #report(
    event: 'document-refused' | 'topic-refused',
    slot: string | undefined,
    code: Code,
    reason: string,
  ): void {
    this.#device.report({ event, ...(slot !== undefined && { slot }), code, reason });
  }
}

function desireOf(policy: Policy, deviceId: string): Desire {
  const { release, shadow } = assign(policy, deviceId);
  return {
    release: storedRelease(release),
    trial: policy.trial,
    challenger: shadow?.shadow && {
      release: storedRelease(shadow.release),
      terms: shadow.shadow,
    },
    promoted: policy.promoted,
  };
}

function storedRelease({ sequence, manifest }: ReleaseRef): StoredRelease {
  return { sequence, manifest: toHex(manifest) };
}
