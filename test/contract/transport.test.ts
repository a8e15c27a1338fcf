import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { MemoryBroker, type MemoryTransport } from '../../simulator/ports/memory-broker.js';
import { Listeners } from './listeners.js';
import { describeTransport } from './transport.contract.js';

describeTransport('broker in memory', () => {
  const scheduler = createCronScheduler();
  const listeners = new Listeners();
  const broker = new MemoryBroker((message) => {
    listeners.hear(message);
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
        observe: (topic: string) => Promise.resolve(listeners.observe(topic, broker.retained)),
      }),
    async close() {
      await Promise.all(open.map((transport) => transport.close(0)));
    },
  });
});
