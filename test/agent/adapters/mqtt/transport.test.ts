import { startBroker, type EmbeddedBroker } from '../../../../simulator/demo/broker.js';
import { describeTransport } from '../../../contract/transport.contract.js';
import { startMosquitto } from '../../../helpers/mosquitto.js';
import { requires } from '../../../helpers/requires.js';
import { createBrokerWorld, type Broker } from './broker-world.js';

describe('MqttTransport', () => {
  describeTransport('embedded broker, 3.1.1 by fall-back', async () =>
    createBrokerWorld(await startEmbedded(), 'auto', 4),
  );

  describe('with Mosquitto', () => {
    before(function () {
      requires(this, 'mosquitto');
    });
    describeTransport('Mosquitto, 5', async () =>
      createBrokerWorld(await startMosquitto(), 'auto', 5),
    );
    describeTransport('Mosquitto, 3.1.1', async () =>
      createBrokerWorld(await startMosquitto(), '3.1.1', 4),
    );
  });
});

async function startEmbedded(): Promise<Broker> {
  let broker: EmbeddedBroker = await startBroker(0);
  const port = Number(new URL(broker.url).port);
  return {
    port,
    halt: () => broker.close(),
    async resume() {
      broker = await startBroker(port);
    },
    stop: () => broker.close(),
  };
}
