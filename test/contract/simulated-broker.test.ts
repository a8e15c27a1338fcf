import { MqttTransport } from '../../agent/adapters/mqtt/transport.js';
import { limits } from '../../protocol/limits.js';
import { SimulatedBroker } from '../../simulator/broker/broker.js';
import { sessionsOver } from '../../simulator/broker/client-session.js';
import { BrokerDoor } from '../../simulator/broker/broker-door.js';
import { Network } from '../../simulator/broker/network.js';
import { Prng } from '../../simulator/prng.js';
import type { Lane } from '../../simulator/time/lane.js';
import { VirtualTime } from '../../simulator/time/virtual-time.js';
import { Listeners } from './listeners.js';
import { describeTransport } from './transport.contract.js';

const describeOver = (mqtt: '5' | '3.1.1'): void => {
  describeTransport(`the agent’s own, over a simulated broker of MQTT ${mqtt}`, () => {
    const time = new VirtualTime();
    const hub = time.createLane(0, true);
    const listeners = new Listeners();
    const options = { queued: 1_000, inflight: 20, packetBytes: undefined, mqtt };
    const broker = new SimulatedBroker(hub, options, {
      accepted: (message) => {
        listeners.hear(message);
      },
      dropped: () => undefined,
    });
    const nowMs = (): number => time.nowMs;
    const networks = new Map<number, Network>();
    const door = new BrokerDoor(broker, hub, nowMs, (message) => {
      networks.get(message.to)?.receive(message);
    });
    let lanes = 0;
    let closed = false;
    const terms = { bitPerS: undefined, latencyMs: [20, 20] } as const;
    const networkOf = (lane: Lane): Network => {
      const network = new Network({
        link: { up: terms, down: terms, loss: 0 },
        chance: Prng.fromSeed(lane.index),
        index: lane.index,
        lane,
        outside: hub,
        nowMs,
        toBroker: (message) => {
          door.take(message);
        },
      });
      networks.set(lane.index, network);
      return network;
    };
    // Virtual time passes as long as somebody tests.
    const pass = async (): Promise<void> => {
      while (!closed) await time.run(time.nowMs + 10).then(() => time.settle());
    };
    void pass();
    return Promise.resolve({
      protocol: mqtt === '5' ? (5 as const) : (4 as const),
      knowsClients: true,
      create: (clientId: string, spoolBytes = 1_048_576) => {
        const lane = time.createLane(++lanes, true);
        return new MqttTransport({
          urls: ['mqtt://broker'],
          protocol: 'auto',
          clientId,
          packetBytes: limits.packetBytes,
          spoolBytes,
          scheduler: lane,
          entropy: Prng.fromSeed(lanes),
          openSession: sessionsOver(networkOf(lane), lane),
        });
      },
      cut: () => {
        broker.cutSessions();
      },
      stopBroker: () => {
        broker.stop('kept');
        return Promise.resolve();
      },
      startBroker: () => {
        broker.start();
        return Promise.resolve();
      },
      connectOther: () =>
        Promise.resolve({
          publish: async (topic: string, text: string, retained = false) => {
            const payload = new TextEncoder().encode(text);
            broker.publish({ topic, payload, retained }, 'other');
            await time.settle();
          },
          observe: (topic: string) => Promise.resolve(listeners.observe(topic, broker.retained)),
        }),
      close: () => {
        closed = true;
        return Promise.resolve();
      },
    });
  });
};

describeOver('5');
describeOver('3.1.1');
