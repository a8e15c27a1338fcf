import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  codeOf,
  connect,
  listen,
  publish,
  subscribe,
  text,
} from '../../../contract/transport.contract.js';
import { startMosquitto, type Mosquitto } from '../../../helpers/mosquitto.js';
import { requires } from '../../../helpers/requires.js';
import { createTransport } from './broker-world.js';

const encode = (password: string): Uint8Array => new TextEncoder().encode(password);

describe('the access rules of a broker', () => {
  let broker: Mosquitto;
  before(async function () {
    requires(this, 'mosquitto');
    broker = await startMosquitto({
      config: (port) =>
        `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file passwords\nacl_file acl\n`,
      files: {
        passwords: hashPasswords({ device: 'right' }),
        acl: 'user device\ntopic write own/+\ntopic read news\n',
      },
    });
  });
  after(() => broker?.stop());

  for (const protocol of ['5', '3.1.1'] as const) {
    const credentials = { protocol, username: 'device', password: encode('right') };

    it(`let nobody in with a wrong password, or with none (${protocol})`, async () => {
      for (const wrong of [
        { ...credentials, password: encode('wrong') },
        { ...credentials, username: 'stranger' },
        { protocol },
      ]) {
        const transport = createTransport(broker.url, wrong);
        const { code } = await listen(transport).disconnected.next();
        await transport.close(0);
        // Brokers choose between the two: Mosquitto says `not authorised` for both.
        assert.ok(['credentials-refused', 'not-authorised'].includes(code), code);
      }
    });

    it(`let a device do what they allow (${protocol})`, async () => {
      const transport = createTransport(broker.url, credentials);
      await connect(transport);
      assert.equal(codeOf(await publish(transport, text('own/state', 'x'))), 'ok');
      await subscribe(transport, 'news');
      await transport.close(1_000);
    });

    it(`refuse the rest with a code, and the session goes on (${protocol})`, async () => {
      const transport = createTransport(broker.url, credentials);
      const events = await connect(transport);
      const published = codeOf(await publish(transport, text('elsewhere', 'x')));
      // MQTT 3.1.1 has no way to refuse a message.
      assert.equal(published, protocol === '5' ? 'publish-refused' : 'ok');
      assert.equal(codeOf(await publish(transport, text('own/state', 'x'))), 'ok');
      assert.deepEqual(events.disconnected.unread, []);
      await transport.close(1_000);
    });
  }
});

/** The password file of Mosquitto for these users. */
function hashPasswords(users: Readonly<Record<string, string>>): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-passwords-'));
  try {
    const file = path.join(folder, 'passwords');
    for (const [i, [user, password]] of Object.entries(users).entries()) {
      execFileSync('mosquitto_passwd', [...(i === 0 ? ['-c'] : []), '-b', file, user, password]);
    }
    return new Uint8Array(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
