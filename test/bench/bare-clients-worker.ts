import process from 'node:process';
import { setTimeout as pass } from 'node:timers/promises';
import mqtt from 'mqtt';

/**
 * `bare-clients-worker.js URL CLIENTS PER_SECOND SECONDS`: MQTT.js without an agent. Each client has a will and two subscriptions, and
 * publishes a message of the size of a result once a minute at QoS 1. Prints what it took as one object.
 */
const [url = '', clients = '1', perSecond = '1', seconds = '1'] = process.argv.slice(2);
const count = Number(clients);
const periodMs = 60_000;
const payload = 'x'.repeat(180);
const beganMs = performance.now();
let connected = 0;
let connectedAfterS = 0;
const all: mqtt.MqttClient[] = [];

for (let i = 0; i < count; i++) {
  const id = `bare-${i}`;
  const topic = `bare/${id}/out`;
  const client = mqtt.connect(url, {
    clientId: id,
    protocolVersion: 5,
    keepalive: 60,
    will: { topic: `bare/${id}/presence`, payload: Buffer.from('gone'), qos: 1, retain: true },
  });
  all.push(client);
  client.once('connect', () => {
    connected++;
    connectedAfterS = (performance.now() - beganMs) / 1000;
    client.subscribe([`bare/${id}/in`, `bare/${id}/truth`], { qos: 1 });
    setTimeout(() => {
      setInterval(() => client.publish(topic, payload, { qos: 1 }), periodMs);
    }, Math.random() * periodMs);
  });
  const dueMs = ((i + 1) / Number(perSecond)) * 1000;
  const earlyMs = dueMs - (performance.now() - beganMs);
  if (earlyMs > 5) await pass(earlyMs);
}
await pass(Math.max(0, Number(seconds) * 1000 - (performance.now() - beganMs)));
const { user, system } = process.cpuUsage();
const report = {
  connected,
  connectedAfterS,
  processorS: (user + system) / 1e6,
  rssBytes: process.memoryUsage.rss(),
};
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
