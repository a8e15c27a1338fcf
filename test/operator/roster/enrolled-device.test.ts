import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { createTopics } from '../../../protocol/topics.js';
import { accessRules, mosquittoAclLines } from '../../../operator/roster/access-rules.js';
import {
  createCredential,
  mosquittoPasswordLine,
  type Credential,
} from '../../../operator/roster/credential.js';
import { startMosquitto, type Mosquitto } from '../../helpers/mosquitto.js';
import { requires } from '../../helpers/requires.js';
import { systemRandomBytes } from '../../../operator/adapters/random-bytes.js';

const topics = createTopics('plant/north');
const digest = 'ab'.repeat(32);

describe('a credential', () => {
  it('has a password of 32 URL-safe characters that is never the same', () => {
    const passwords = Array.from(
      { length: 50 },
      () => createCredential('press-7', systemRandomBytes).password,
    );
    for (const password of passwords) assert.match(password, /^[A-Za-z0-9_-]{32}$/);
    assert.equal(new Set(passwords).size, passwords.length);
  });

  it('does not show its password in the line for the broker', () => {
    const credential = createCredential('press-7', systemRandomBytes);
    const line = mosquittoPasswordLine(credential, systemRandomBytes);
    assert.match(line, /^press-7:\$7\$101\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==$/);
    assert.ok(!line.includes(credential.password));
  });

  it('has a line in the form that mosquitto_passwd writes', function () {
    requires(this, 'mosquitto');
    const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-credential-'));
    try {
      const file = path.join(folder, 'passwords');
      writeFileSync(file, '', { mode: 0o600 });
      const { status, stderr } = spawnSync('mosquitto_passwd', ['-b', file, 'press-7', 'x'], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      const shape = (line: string): readonly number[] => line.trim().split('$').map(lengthOf);
      const theirs = readFileSync(file, 'utf8');
      assert.match(theirs, /^press-7:\$7\$/);
      const [ours, written] = [
        shape(
          mosquittoPasswordLine(createCredential('press-7', systemRandomBytes), systemRandomBytes),
        ),
        shape(theirs),
      ];
      assert.deepEqual(ours.slice(0, 2), written.slice(0, 2));
      assert.equal(ours.at(-1), written.at(-1));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the access rules of a device', () => {
  it('name its slots where they are known, and any slot where not', () => {
    const { read } = accessRules(topics, 'press-7', ['vibration', 'sound']);
    assert.ok(read.includes('plant/north/policies/sound'));
    assert.ok(read.includes('plant/north/manifests/vibration/+'));
    assert.ok(!read.includes('plant/north/policies/+'));
    assert.ok(accessRules(topics, 'press-7', []).read.includes('plant/north/policies/+'));
  });

  it('take no wildcard in the place of a device or a slot', () => {
    assert.throws(() => accessRules(topics, '+', []), { code: 'topic-invalid' });
    assert.throws(() => accessRules(topics, 'press-7', ['#']), { code: 'topic-invalid' });
  });
});

describe('an enrolled device at a real broker', () => {
  let broker: Mosquitto | undefined;
  const clients: MqttClient[] = [];
  const device = createCredential('press-7', systemRandomBytes);
  const operator = createCredential('operator', systemRandomBytes);

  before(async function () {
    requires(this, 'mosquitto');
    const acl = [
      ...mosquittoAclLines('press-7', accessRules(topics, 'press-7', ['vibration'])),
      'user operator',
      'topic readwrite plant/north/#',
    ];
    broker = await startMosquitto({
      config: (port) =>
        `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file passwords\nacl_file acl\n`,
      files: {
        passwords: `${mosquittoPasswordLine(device, systemRandomBytes)}\n${mosquittoPasswordLine(operator, systemRandomBytes)}\n`,
        acl: `${acl.join('\n')}\n`,
      },
    });
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.endAsync(true)));
    await broker?.stop();
  });

  const connect = async (credential: Credential): Promise<MqttClient> => {
    const client = await mqtt.connectAsync(broker?.url ?? '', {
      ...credential,
      protocolVersion: 5,
      reconnectPeriod: 0,
    });
    clients.push(client);
    return client;
  };

  it('comes in with its password, and with no other', async () => {
    await connect(device);
    await assert.rejects(connect({ ...device, password: operator.password }), { code: 135 });
    await assert.rejects(connect({ ...device, username: 'press-8' }), { code: 135 });
  });

  it('writes what it says of itself, and nothing else', async () => {
    const client = await connect(device);
    const own = [
      'presence',
      'state',
      'telemetry',
      'report',
      'events',
      'responses',
      'results',
      'evidence',
      'disagreements',
    ] as const;
    for (const channel of own) {
      const topic = topics[channel]('press-7', 'vibration');
      await client.publishAsync(topic, 'x', { qos: 1 });
    }
    for (const topic of [
      topics.state('press-8'),
      topics.results('press-7', 'sound'),
      'plant/north/devices/press-7/commands',
      topics.keyset(1),
      topics.beacon(),
      topics.policy('vibration'),
      topics.manifest('vibration', 1),
      topics.block(digest, 0),
      'elsewhere',
    ]) {
      await assert.rejects(client.publishAsync(topic, 'x', { qos: 1 }), { code: 135 }, topic);
    }
  });

  it('reads what is published for it, and nothing of others', async () => {
    const readable = [
      topics.keyset(2),
      topics.beacon(),
      topics.policy('vibration'),
      topics.manifest('vibration', 3),
      topics.block(digest, 0),
      topics.presence('press-7'),
      topics.commands('press-7'),
    ];
    const hidden = [
      topics.policy('sound'),
      topics.manifest('sound', 1),
      topics.state('press-8'),
      topics.report('press-8'),
      topics.presence('press-8'),
    ];
    const client = await connect(device);
    const read: string[] = [];
    // Mosquitto grants a subscription and checks each message: what counts is what arrives.
    const last = topics.presence('press-7');
    const arrived = new Promise<void>((resolve) => {
      client.on('message', (topic) => {
        read.push(topic);
        if (topic === last) resolve();
      });
    });
    for (const topic of [...hidden, ...readable]) {
      await client.subscribeAsync(topic, { qos: 1 }).catch(() => undefined);
    }
    const publisher = await connect(operator);
    for (const topic of [...hidden, ...readable]) {
      await publisher.publishAsync(topic, 'x', { qos: 1 });
    }
    await arrived;
    assert.deepEqual(read, readable);
  });
});

function lengthOf(part: string, index: number): number {
  return index === 2 ? 0 : part.length;
}
