import type { SigningKey } from '../../agent/adapters/signing-key.js';
import type { DeviceListener } from '../../operator/rollout/fleet-ears.js';
import { shadowStep, type Rollout } from '../../operator/rollout/rollout.js';
import { experimentName, isExposed } from '../../protocol/assignment/bucket.js';
import { fromHex, toHex } from '../../protocol/bytes.js';
import { sealSign1 } from '../../protocol/cose/sign1.js';
import { everyone, type Policy } from '../../protocol/documents/policy.js';
import { encodeEvidence } from '../../protocol/messages/evidence.js';
import { createSeededKey } from '../../simulator/ports/seeded-key.js';
import { blocks, evidenceOf } from '../operator/rollout/example-rollout.js';
import { slot } from './world-slot.js';

/**
 * Devices on which champion and challenger answer alike. It serves one rollout, as many times as a test begins it: what a device
 * has signed of a policy it says again.
 */
export class AgreeingFleet {
  readonly #keys: ReadonlyMap<string, SigningKey>;
  readonly #evidence = new Map<string, Uint8Array>();

  constructor(devices: number) {
    const deviceIds = Array.from({ length: devices }, (_, i) => `press-${i}`);
    this.#keys = new Map(deviceIds.map((deviceId) => [deviceId, createSeededKey(deviceId)]));
  }

  get deviceIds(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** All that devices say in the step of a rollout, as the broker keeps it. */
  say(rollout: Rollout, policy: Policy, listener: DeviceListener): void {
    const { champion, challenger, salt, step, exposures, status } = rollout;
    const name = experimentName(fromHex(salt));
    for (const [deviceId, key] of this.#keys) {
      const isServed =
        step !== shadowStep &&
        isExposed(name, deviceId, exposures[step] ?? everyone) &&
        status === 'running';
      const ofSlot = {
        current: isServed ? challenger.sequence : champion.sequence,
        previous: undefined,
        candidate: undefined,
        release: undefined,
        phase: undefined,
        code: undefined,
        reason: undefined,
        remedy: undefined,
      };
      const state = {
        agent: '1.0.0',
        boot: 1,
        labels: {},
        key: toHex(key.publicKey),
        slots: new Map([[slot, ofSlot]]),
      };
      listener(deviceId, { channel: 'state', message: state }, true);
      const said = `${deviceId} ${policy.version} ${isServed}`;
      const envelope = this.#evidence.get(said) ?? sign(deviceId, key, rollout, policy, isServed);
      this.#evidence.set(said, envelope);
      listener(deviceId, { channel: 'evidence', slot, envelope }, false);
    }
  }
}

function sign(
  deviceId: string,
  key: SigningKey,
  { champion, challenger, salt }: Rollout,
  { version }: Policy,
  isServed: boolean,
): Uint8Array {
  const referTo = (of: Rollout['champion']) => ({ ...of, manifest: fromHex(of.manifest) });
  const evidence = evidenceOf(deviceId, {
    champion: referTo(champion),
    challenger: referTo(challenger),
    salt: fromHex(salt),
    revision: 1 + version,
    shadow: blocks(80, [0, 0]),
    served: isServed ? blocks(60, [0, 0], { served: 1, policy: version }) : [],
  });
  return sealSign1('evidence', key.kid, encodeEvidence(evidence), (bytes) => key.sign(bytes));
}
