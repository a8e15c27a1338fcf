import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { startMosquitto } from './mosquitto.js';
import { requires } from './requires.js';

describe('startMosquitto', () => {
  before(function () {
    requires(this, 'mosquitto');
  });

  it('gives a broker that listens, also after it was killed and resumed, and leaves nothing behind', async () => {
    const broker = await startMosquitto();
    try {
      await connectOnce(broker.port);
      await broker.halt('SIGKILL');
      await assert.rejects(connectOnce(broker.port), { code: 'ECONNREFUSED' });
      await broker.resume();
      await connectOnce(broker.port);
    } finally {
      await broker.stop();
    }
    assert.ok(!existsSync(broker.folder));
  });

  it('obeys the configuration and the files that it names', async () => {
    const broker = await startMosquitto({
      config: (port) => `listener ${port} 127.0.0.1\nallow_anonymous true\nacl_file acl\n`,
      files: { acl: 'topic read news\n' },
    });
    await broker.stop();
    assert.match(broker.log(), /Config loaded from mosquitto\.conf/);
  });

  it('says what Mosquitto said when it does not start', async () => {
    await assert.rejects(
      startMosquitto({ config: () => 'no_such_setting 1\n' }),
      /no_such_setting/,
    );
  });
});

async function connectOnce(port: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
}
