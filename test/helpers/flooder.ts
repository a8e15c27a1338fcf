import { readFileSync } from 'node:fs';
import process from 'node:process';
import { connectAsync } from 'mqtt';

// Publishes the bytes of a file again and again, as fast as the broker takes them, until its standard input ends; then
// it writes on standard output how often. In a process of its own it does not hold up the sensor whose windows count.
const [url = '', topic = '', payloadFile = ''] = process.argv.slice(2);
const payload = readFileSync(payloadFile);
const messagesAtATime = 50;
const client = await connectAsync(url, { reconnectPeriod: 0, protocolVersion: 4 });
let isOver = false;
process.stdin.resume().once('end', () => (isOver = true));
let sent = 0;
while (!isOver && client.connected) {
  for (let i = 0; i < messagesAtATime && !client.stream.writableNeedDrain; i++, sent++) {
    client.publish(topic, payload, { qos: 0 });
  }
  await new Promise((resolve) => setImmediate(resolve));
}
process.stdout.write(String(sent), () => process.exit());
