import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { MqttTransport, MqttTransportOptions } from '../../agent/adapters/mqtt/transport.js';
import { createTopics } from '../../protocol/topics.js';
import { createTransport } from '../agent/adapters/mqtt/broker-world.js';
import {
  codeOf,
  connect,
  listen,
  publish,
  subscribe,
  text,
} from '../contract/transport.contract.js';
import { findFreePort, startMosquitto, type Mosquitto } from '../helpers/mosquitto.js';
import { requires } from '../helpers/requires.js';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/broker.md'), 'utf8');
const block = (language: string): string => {
  const [, content] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page) ?? [];
  assert.ok(content !== undefined, `docs/broker.md has no ${language}`);
  return content;
};

const topics = createTopics('tinylamp');
const digest = 'a'.repeat(64);

/** What a device publishes. */
const ofDevice = [
  topics.presence('press-7'),
  topics.state('press-7'),
  topics.telemetry('press-7'),
  topics.events('press-7'),
  topics.results('press-7', 'vibration'),
  'tinylamp/devices/press-7/report',
  'tinylamp/devices/press-7/responses',
  `tinylamp/blocks/${digest}/want`,
];

/** What only the operator publishes. */
const ofOperator = [
  topics.keyset(1),
  topics.policy('vibration'),
  topics.manifest('vibration', 1),
  topics.beacon(),
  topics.block(digest, 0),
  'tinylamp/devices/press-7/commands',
];

describe('The broker of docs/broker.md', () => {
  let broker: Mosquitto;
  let operatorPort: number;
  const open: MqttTransport[] = [];
  before(async function () {
    requires(this, 'mosquitto');
    requires(this, 'openssl');
    operatorPort = await findFreePort();
    broker = await startMosquitto({
      config: (port) => settings(port, operatorPort),
      files: files(),
    });
  });
  after(() => broker?.stop());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((transport) => transport.close(1_000)));
  });

  const create = (
    username: string,
    password: string,
    options: Partial<MqttTransportOptions> = {},
  ): MqttTransport => {
    const port = username === 'operator' ? operatorPort : broker.port;
    const transport = createTransport(`mqtts://localhost:${port}`, {
      clientId: username,
      username,
      password: new TextEncoder().encode(password),
      tls: { ca: new Uint8Array(readFileSync(path.join(broker.folder, 'ca.pem'))) },
      ...options,
    });
    open.push(transport);
    return transport;
  };
  const operator = async (): Promise<MqttTransport> => {
    // Sessions of the commands have client ids of their own.
    const clientId = `operator-${open.length}`;
    const transport = create('operator', "the operator's password", { clientId });
    await connect(transport);
    return transport;
  };
  const device = async (options: Partial<MqttTransportOptions> = {}): Promise<MqttTransport> => {
    const transport = create('press-7', 'the password of press-7', options);
    await connect(transport);
    return transport;
  };

  it('lets the operator publish all documents and blocks, and the device read them', async () => {
    const from = await operator();
    const to = await device();
    for (const topic of ofOperator) {
      assert.equal(codeOf(await publish(from, text(topic, topic, true))), 'ok');
      const messages = await subscribe(to, topic);
      assert.equal(new TextDecoder().decode((await messages.next()).payload), topic);
    }
  });

  it('lets a device say what it has to say, and the operator hear it', async () => {
    const to = await operator();
    const from = await device({ protocol: '3.1.1' });
    for (const topic of ofDevice) {
      const messages = await subscribe(to, topic);
      assert.equal(codeOf(await publish(from, text(topic, 'x'))), 'ok');
      await messages.next();
    }
  });

  it('lets a device write no documents, no blocks, and nothing of other devices', async () => {
    const victim = topics.block('b'.repeat(64), 0);
    const forbidden = [
      ...ofOperator,
      victim,
      topics.state('press-8'),
      topics.presence('press-8'),
      topics.results('press-8', 'vibration'),
      'sensors/press-7/accel',
      'anything',
    ];
    const from = await device();
    const truth = await subscribe(await operator(), victim);
    for (const topic of forbidden) {
      assert.equal(codeOf(await publish(from, text(topic, 'forged', true))), 'publish-refused');
    }
    await from.close(1_000);
    // MQTT 3.1.1 acknowledges and drops.
    const elder = await device({ protocol: '3.1.1' });
    await publish(elder, text(victim, 'forged', true));
    await publish(await operator(), text(victim, 'real', true));
    assert.equal(new TextDecoder().decode((await truth.next()).payload), 'real');
  });

  it('lets a device read nothing of other devices', async () => {
    const from = await operator();
    const to = await device();
    const command = await subscribe(to, 'tinylamp/devices/press-8/commands').catch(() => undefined);
    const own = await subscribe(to, 'tinylamp/devices/press-7/commands');
    await publish(from, text('tinylamp/devices/press-8/commands', 'not for you'));
    await publish(from, text('tinylamp/devices/press-7/commands', 'last'));
    while (new TextDecoder().decode((await own.next()).payload) !== 'last');
    assert.deepEqual(command?.unread ?? [], []);
  });

  it('brings samples from their sensors to the device', async () => {
    const sensors = create('sensors-of-press-7', 'the password of its sensors');
    await connect(sensors);
    const samples = await subscribe(await device(), 'sensors/press-7/accel');
    assert.equal(codeOf(await publish(sensors, text('sensors/press-7/accel', '{}'))), 'ok');
    await samples.next();
    const other = await publish(sensors, text('sensors/press-8/accel', '{}'));
    assert.equal(codeOf(other), 'publish-refused');
  });

  it('lets in nobody without a password', async () => {
    for (const options of [
      { username: undefined, password: undefined },
      { password: new TextEncoder().encode('guess') },
    ]) {
      const { code } = await listen(create('press-7', '', options)).disconnected.next();
      assert.ok(['not-authorised', 'credentials-refused'].includes(code), code);
    }
  });

  it('lets no device throw out another by its client id', async () => {
    const victim = create('press-7', 'the password of press-7');
    const events = await connect(victim);
    const attacker = create('sensors-of-press-7', 'the password of its sensors', {
      clientId: 'press-7',
    });
    await connect(attacker);
    assert.equal(codeOf(await publish(victim, text(topics.state('press-7'), 'x'))), 'ok');
    assert.deepEqual(events.disconnected.unread, []);
  });

  it('takes the largest message that there is, and keeps a larger one from the devices', async () => {
    const from = await operator();
    const topic = topics.manifest('vibration', 2);
    const messages = await subscribe(await device(), topic);
    const largest = { topic, payload: new Uint8Array(98_304), retained: false };
    assert.equal(codeOf(await publish(from, largest)), 'ok');
    assert.equal((await messages.next()).payload.length, 98_304);
    // A client without a limit of its own; the broker ends its sessions.
    const careless = create('operator', "the operator's password", {
      ...{ clientId: 'careless', packetBytes: 1_000_000, protocol: '3.1.1' },
    });
    await connect(careless);
    const tooLarge = { topic, payload: new Uint8Array(131_072), retained: true };
    assert.equal(codeOf(await publish(careless, tooLarge)), 'publish-refused');
    await publish(from, text(topic, 'small'));
    assert.equal((await messages.next()).payload.length, 5);
  });
});

/** The settings of the page, in the folder of the test, on ports of the test. */
function settings(devicePort: number, operatorPort: number): string {
  return block('conf')
    .replaceAll('/etc/mosquitto/tinylamp/', '')
    .replace('/var/lib/mosquitto/', './')
    .replace('listener 8883', `listener ${devicePort} 127.0.0.1`)
    .replace('listener 8884', `listener ${operatorPort} 127.0.0.1`);
}

/** What the commands of the page make, for a broker on this machine. */
function files(): Record<string, string | Uint8Array> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-broker-page-'));
  try {
    const commands = block('sh').replaceAll('broker.example', 'localhost');
    execFileSync('sh', ['-e', '-c', commands], { cwd: folder, stdio: 'pipe' });
    const made = readdirSync(folder).map(
      (name) => [name, new Uint8Array(readFileSync(path.join(folder, name)))] as const,
    );
    return { ...Object.fromEntries(made), acl: block('acl') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
