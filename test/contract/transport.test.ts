import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import type { Message } from '../../agent/ports/transport.js';
import { MemoryBroker, type MemoryTransport } from '../../simulator/ports/memory-broker.js';
import { Mailbox } from '../helpers/mailbox.js';
import { describeTransport } from './transport.contract.js';

describeTransport('broker in memory', () => {
  const scheduler = createCronScheduler();
  const ears = new Map<string, Set<(message: Message) => void>>();
  const broker = new MemoryBroker((message) => {
    for (const hear of ears.get(message.topic) ?? []) hear({ ...message, retained: false });
  });
  const open: MemoryTransport[] = [];
  return Promise.resolve({
    protocol: 5 as const,
    knowsClients: false,
    create: (_clientId: string, spoolBytes = 1_048_576) => {
      const transport = broker.createTransport({ scheduler, spoolBytes });
      open.push(transport);
      return transport;
    },
    cut: () => {
      broker.cutSessions();
    },
    stopBroker: () => {
      broker.stop();
      return Promise.resolve();
    },
    startBroker: () => {
      broker.start();
      return Promise.resolve();
    },
    connectOther: () =>
      Promise.resolve({
        publish: (topic: string, text: string, retained = false) => {
          broker.publish({ topic, payload: new TextEncoder().encode(text), retained });
          return Promise.resolve();
        },
        observe: (topic: string) => {
          const messages = new Mailbox<Message>();
          const kept = broker.retained.get(topic);
          if (kept !== undefined) messages.put({ topic, payload: kept, retained: true });
          ears.set(topic, (ears.get(topic) ?? new Set()).add(messages.put));
          return Promise.resolve(messages);
        },
      }),
    async close() {
      await Promise.all(open.map((transport) => transport.close(0)));
    },
  });
});
