import { performance } from 'node:perf_hooks';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { sealSign1 } from '../../protocol/cose/sign1.js';
import { encodeEvidence } from '../../protocol/messages/evidence.js';
import { lookAtRollout } from '../../operator/rollout/controller.js';
import { TransientKeyring } from '../../operator/rollout/keyring.js';
import { RolloutFleet } from '../../operator/rollout/rollout-fleet.js';
import type { Rollout } from '../../operator/rollout/rollout.js';
import { encodeVerdict } from '../../operator/rollout/verdict-file.js';
import { createSeededKey } from '../../simulator/ports/seeded-key.js';
import { toHex } from '../../protocol/bytes.js';
import { blocks, evidenceOf, exampleRollout } from '../operator/rollout/example-rollout.js';
import type { Bench } from './bench.js';

const looks = 5;
const blocksOfDevice = 40;

/** What a controller needs for a message of a device, for a look at its fleet, and for the record of a verdict. */
export const rolloutLookBench: Bench = {
  name: 'rollout-look',
  run(report) {
    for (const devices of [1_000, 10_000]) {
      const subject = `${devices} devices x ${blocksOfDevice} blocks`;
      const ids = exampleRollout(devices).roster.map(({ deviceId }) => deviceId);
      const rollout: Rollout = { ...exampleRollout(devices), present: ids };
      const messages = ids.map((deviceId) => signedBy(deviceId));
      const keyring = new TransientKeyring();
      for (const { deviceId, key } of messages) keyring.pin(deviceId, key);
      const fleet = new RolloutFleet(rollout, createNodeCrypto(), keyring);
      const began = performance.now();
      for (const { deviceId, envelope } of messages) {
        fleet.take(deviceId, { channel: 'evidence', slot: rollout.slot, envelope }, true, 0);
      }
      const takenMs = performance.now() - began;
      report({ subject, metric: 'messageUs', value: (1000 * takenMs) / devices });
      const time = { wallMs: 0, monotonicMs: 2_000, askedMs: 0 };
      const times: number[] = [];
      for (let i = 0; i < looks; i++) {
        const start = performance.now();
        lookAtRollout(rollout, fleet, time);
        times.push(performance.now() - start);
      }
      times.sort((a, b) => a - b);
      report({ subject, metric: 'lookMs', value: times[looks >> 1] ?? NaN });
      const { move } = lookAtRollout(rollout, fleet, time);
      if (move === undefined) throw new Error('equal models are safe after forty blocks');
      const recordBytes = encodeVerdict(move.verdict).text.length;
      report({ subject, metric: 'recordBytes', value: recordBytes, note: move.verdict.action });
    }
    return Promise.resolve();
  },
};

function signedBy(deviceId: string) {
  const key = createSeededKey(deviceId);
  const payload = encodeEvidence(evidenceOf(deviceId, { shadow: blocks(blocksOfDevice, [0, 0]) }));
  const envelope = sealSign1('evidence', key.kid, payload, (bytes) => key.sign(bytes));
  return { deviceId, key: toHex(key.publicKey), envelope };
}
