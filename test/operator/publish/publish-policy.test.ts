import { shortestTrial } from '../../../protocol/documents/policy.js';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createCronScheduler } from '../../../agent/adapters/cron-scheduler.js';
import { MqttTransport } from '../../../agent/adapters/mqtt/transport.js';
import { createNodeCrypto } from '../../../agent/adapters/node-crypto.js';
import { createSystemEntropy } from '../../../agent/adapters/system-entropy.js';
import { expectOk } from '../../../protocol/coded-error.js';
import { openSign1 } from '../../../protocol/cose/sign1.js';
import { parseBeacon } from '../../../protocol/documents/beacon.js';
import { createTopics } from '../../../protocol/topics.js';
import { takeTurns } from '../../../operator/keys/folder-turn.js';
import { createKeyFolder, openKeyFolder } from '../../../operator/keys/key-folder.js';
import { connectBroker, type BrokerClient } from '../../../operator/publish/broker-client.js';
import { publishPolicy } from '../../../operator/publish/publish-policy.js';
import { startBroker, type EmbeddedBroker } from '../../../simulator/demo/broker.js';
import { createDiskFiles } from '../../../operator/adapters/disk-files.js';
import { tryFolderLock } from '../../../operator/adapters/folder-lock.js';
import { generateSigningKey } from '../../../agent/adapters/signing-key.js';

const topics = createTopics('tinylamp');
const crypto = createNodeCrypto();
const policies = 10;

describe('two publishers with one key folder', () => {
  let folder = '';
  let broker: EmbeddedBroker;
  const clients: BrokerClient[] = [];
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-publish-'));
    createKeyFolder(createDiskFiles(), folder, generateSigningKey(), Date.now());
    broker = await startBroker(0);
  });
  after(async () => {
    for (const client of clients) await client.close();
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Publishes policies of a slot one after the other, as a controller in a process of its own does. */
  const publishAll = async (slot: string): Promise<readonly number[]> => {
    const scheduler = createCronScheduler();
    const transport = new MqttTransport({
      urls: [broker.url],
      protocol: 'auto',
      clientId: `operator-${slot}`,
      packetBytes: 131_072,
      spoolBytes: 1_048_576,
      scheduler,
      entropy: createSystemEntropy(),
    });
    const client = await connectBroker(transport, scheduler);
    clients.push(client);
    const tools = {
      client,
      topics,
      keys: openKeyFolder(createDiskFiles(), folder),
      exclusively: takeTurns(tryFolderLock, folder, scheduler),
      crypto,
      wallMs: Date.now(),
      randomBytes: (length: number) => new Uint8Array(length),
      progress: () => undefined,
      notice: () => undefined,
    };
    const versions: number[] = [];
    for (let sequence = 1; sequence <= policies; sequence++) {
      const champion = { sequence, manifest: crypto.sha256(Uint8Array.of(sequence)) };
      const policy = { slot, champion, arms: [], promoted: undefined, trial: shortestTrial };
      versions.push((await publishPolicy({ ...policy, gate: undefined }, tools)).policyVersion);
    }
    return versions;
  };

  it('lose nothing of each other, and every number rises', async () => {
    const counters: number[] = [];
    const slots = new Map<string, readonly number[]>();
    broker.observe((topic, payload) => {
      if (topic !== topics.beacon()) return;
      const beacon = expectOk(parseBeacon(expectOk(openSign1(payload, 'beacon')).payload));
      counters.push(beacon.counter);
      for (const [slot, { policyVersion }] of beacon.slots) {
        slots.set(slot, [...(slots.get(slot) ?? []), policyVersion]);
      }
    });
    const versions = await Promise.all(['vibration', 'vision'].map(publishAll));
    const rising = Array.from({ length: policies }, (_, i) => i + 1);
    assert.deepEqual(versions, [rising, rising]);
    assert.deepEqual(
      counters,
      Array.from({ length: 2 * policies }, (_, i) => i + 1),
    );
    // No beacon takes back what an earlier one said, and the last one has it all.
    for (const said of slots.values()) {
      assert.deepEqual(
        said,
        [...said].sort((a, b) => a - b),
      );
      assert.equal(said.at(-1), policies);
    }
    assert.deepEqual([...slots.keys()].sort(), ['vibration', 'vision']);
  });
});
