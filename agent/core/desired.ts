import { toHex } from '../../protocol/bytes.js';
import type { Code } from '../../protocol/codes.js';
import { BackOff } from './back-off.js';
import { noStanding } from '../../protocol/assignment/comparison.js';
import type { Device } from './device.js';
import { DocumentBrake } from './document-brake.js';
import { Freshness } from './freshness.js';
import { parsePolicy } from '../../protocol/documents/policy.js';
import { limits } from '../../protocol/limits.js';
import { isJump } from '../../protocol/number-jump.js';
import { ask, Turnstile, wait, type Process } from './process.js';
import { accept, refuse, type Result } from '../../protocol/result.js';
import type { Slot } from './slot/slot.js';
import { desireOf, type Desire } from './slot/desire.js';
import { slotOf, withSlot, type Floors, type NamedPolicy } from './state/record.js';

/** What is desired is retained on the broker: the policy of each slot, and the beacon over all. */
export class Desired {
  readonly #device: Device;
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #turnstile = new Turnstile();
  readonly #freshness: Freshness;
  #listening = false;
  /** Policies that came before the beacon of their session: the highest version of each slot. */
  readonly #held = new Map<Slot, HeldPolicy>();
  /** Topics whose newest document was refused, and why. */
  readonly #refused = new Map<string, Code>();
  /** Topics that are asked for again in a while, with the wait that the disk makes longer. */
  readonly #askingLater = new Set<string>();
  readonly #backOff = new BackOff();
  /** Slots whose policy was dealt with in this run, or has nothing to say. */
  readonly #heard = new Set<string>();

  constructor(device: Device, slots: ReadonlyMap<string, Slot>) {
    this.#device = device;
    this.#slots = slots;
    this.#freshness = new Freshness(device, () => {
      this.#freshnessChanged();
    });
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
    this.#listening = true;
    if (this.#device.exchange.session !== undefined) this.#freshness.await();
    this.#subscribe(topics.beacon(), undefined, (bytes) => this.#freshness.take(bytes));
    for (const slot of this.#slots.values()) {
      this.#subscribe(topics.policy(slot.name), slot.name, (bytes) =>
        this.#takePolicy(slot, bytes),
      );
    }
  }

  /** Sessions are clean: the beacon comes anew, and until it has come policies wait for it. */
  sessionBegan(): void {
    if (this.#listening) this.#freshness.await();
  }

  sessionEnded(): void {
    this.#freshness.stopWaiting();
  }

  /** The floors that the beacon names for a slot. */
  floorsOf(slot: string): Floors {
    return this.#freshness.floorsOf(slot);
  }

  /** What refused a document may have changed: those that were refused last are asked for again. */
  lookAgain(): void {
    for (const topic of this.#refused.keys()) this.#device.exchange.askAgain(topic);
    this.checkFreshness();
  }

  /** Reports a beacon that has expired. */
  checkFreshness(): void {
    this.#freshness.checkExpiry();
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
        // A policy that is retained follows at once, and waits for the beacon; one that is gone, or is refused, wants nothing.
        tasks.after(limits.beaconWaitMs + limits.blockTimeoutMs, () => {
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
        if (slot === undefined) this.#freshness.giveUp();
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
    this.#refused.set(topic, taken.rejection.code);
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
    const payload = yield* trust.verify(bytes, 'policy', slot.name, this.#device.believedMs());
    if (!payload.ok) return payload;
    const parsed = parsePolicy(payload.value);
    if (!parsed.ok) return parsed;
    const policy = parsed.value;
    const { version } = policy;
    if (policy.slot !== slot.name) {
      return refuse('policy-misplaced', `a policy of slot ${policy.slot} for ${slot.name}`);
    }
    if (this.#freshness.isAwaited) {
      if (version >= (this.#held.get(slot)?.version ?? 0)) this.#held.set(slot, { version, bytes });
      return accept(undefined);
    }
    const digest = toHex(yield* ask('digest', { bytes }));
    const desire = desireOf(policy, this.#device.settings.deviceId, noStanding);
    const checked = this.#check(slot.name, { version, digest }, desire);
    if (!checked.ok) return checked;
    if (version > slotOf(keeper.record, slot.name).policyVersion) {
      const change = { policyVersion: version, policyDigest: digest };
      const kept = yield* wait(keeper.commit((record) => withSlot(record, slot.name, change)));
      if (!kept.ok) return kept;
    }
    slot.follow(policy);
    this.#hear(slot.name);
    return accept(undefined);
  }

  /** Whether a policy may be followed, by what was accepted before and by what the beacon names. */
  #check(slot: string, named: NamedPolicy, desire: Desire): Result<void> {
    const record = slotOf(this.#device.keeper.record, slot);
    const { version, digest } = named;
    const known = record.policyVersion;
    if (version < known) {
      return refuse('policy-replayed', `policy ${version} after policy ${known}`);
    }
    // A record of format 1 has no digest.
    if (version === known && digest !== (record.policyDigest ?? digest)) {
      return refuse('document-conflict', `another policy ${version} was accepted before`);
    }
    const agreed = this.#freshness.checkPolicy(slot, named);
    if (!agreed.ok) return agreed;
    const runs = Math.max(record.current?.sequence ?? 0, record.sequenceFloor);
    for (const release of [desire.release, desire.challenger?.release]) {
      if (release === undefined || !isJump(runs, release.sequence)) continue;
      if (this.#freshness.confirms(slot, named)) continue;
      return refuse('number-jump', `release ${release.sequence} after release ${runs}`);
    }
    return accept(undefined);
  }

  /** The beacon has come, or will not come: what waited for it is dealt with, and what it may allow is asked for again. */
  #freshnessChanged(): void {
    const { tasks, exchange, topics } = this.#device;
    const held = [...this.#held];
    this.#held.clear();
    for (const [slot, { bytes }] of held) {
      const topic = topics.policy(slot.name);
      const taking = this.#takeOrReport(topic, this.#takePolicy(slot, bytes), slot.name);
      tasks.run(this.#turnstile.pass(taking));
    }
    for (const [topic, code] of this.#refused) if (code === 'number-jump') exchange.askAgain(topic);
    for (const slot of this.#slots.values()) slot.beaconChanged();
  }

  /** It is known what is desired of a slot; what was kept for it only because it was not may go. */
  #hear(slot: string): void {
    if (this.#heard.has(slot)) return;
    this.#heard.add(slot);
    this.#device.collectGarbage();
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

interface HeldPolicy {
  readonly version: number;
  readonly bytes: Uint8Array;
}
