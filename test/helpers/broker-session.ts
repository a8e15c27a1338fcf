import { randomBytes } from 'node:crypto';
import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { MqttTransport } from '../../agent/adapters/mqtt/transport.js';
import { createSystemEntropy } from '../../agent/adapters/system-entropy.js';
import { connectBroker, type BrokerClient } from '../../operator/publish/broker-client.js';

/** A session with a real broker, as the commands of the operator open it. Closing it is the caller's. */
export function openBrokerSession(url: string): Promise<BrokerClient> {
  const scheduler = createCronScheduler();
  const transport = new MqttTransport({
    urls: [url],
    protocol: 'auto',
    clientId: `operator-${randomBytes(6).toString('hex')}`,
    packetBytes: 131_072,
    spoolBytes: 16_777_216,
    scheduler,
    entropy: createSystemEntropy(),
  });
  return connectBroker(transport, scheduler);
}
